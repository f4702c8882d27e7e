"""The command line: words → calls → exit codes. The only place that prints."""

from emotalk.cli.main import door, main

__all__ = ["door", "main"]
