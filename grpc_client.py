#!/usr/bin/env python3
"""The client, as the first version's users run and import it; writes ./output.npy. See emotalk send."""

import sys
from pathlib import Path

from emotalk.cli import run_command
from emotalk.client import EmoTalkClient

__all__ = ["EmoTalkClient"]

if __name__ == "__main__":
    sys.exit(run_command("send", default_output=Path("output.npy")))
