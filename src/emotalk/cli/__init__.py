"""The command line: words → calls → exit codes. The only place that prints."""

from emotalk.cli.main import main

__all__ = ["main"]
