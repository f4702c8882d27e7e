"""Processes of our own program: started, kept alive, ended. On the ground floor, for the decoders start so, too."""
