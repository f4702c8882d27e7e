#!/usr/bin/env python3
"""A worker, as the first version's users start it: Kafka at localhost:9092. See emotalk work."""

import sys

from emotalk.cli import run_command

if __name__ == "__main__":
    sys.exit(run_command("work", queue="kafka://localhost:9092"))
