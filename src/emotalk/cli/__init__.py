"""The command line: words → calls → exit codes. The only place that prints."""

import os

# Before gRPC is loaded: it writes of every failed handshake to standard error, in a form of its own, between our lines.
# What it tells is told by those whom it concerns; GRPC_VERBOSITY=INFO brings it back.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from emotalk.cli.main import main, run_command

__all__ = ["main", "run_command"]
