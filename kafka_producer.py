#!/usr/bin/env python3
"""A file into the queue and the wait for its result; Kafka at localhost:9092. See emotalk submit."""

import sys

from emotalk.cli import run_command

if __name__ == "__main__":
    sys.exit(run_command("submit", queue="kafka://localhost:9092"))
