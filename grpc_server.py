#!/usr/bin/env python3
"""The server, as the first version's users start it: Kafka at localhost:9092, every interface. See emotalk serve."""

import sys

from emotalk.cli import run_command

if __name__ == "__main__":
    sys.exit(run_command("serve", queue="kafka://localhost:9092", host="0.0.0.0"))  # noqa: S104 - as the first version did; it warns
