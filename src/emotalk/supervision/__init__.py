"""Processes of our own program: started, kept alive, ended."""
