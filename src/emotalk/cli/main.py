"""emotalk COMMAND …: builds the parser, runs the command, turns errors into a sentence and an exit code."""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version

from emotalk.cli import animate, doctor, flags, health, jobs, send, serve, submit, work
from emotalk.cli.exits import Exit, complain, exit_of
from emotalk.errors import EmoTalkError

_COMMANDS = (animate, serve, work, send, submit, jobs, health, doctor)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    parsed = _parser().parse_args(arguments)
    return guarded(lambda: parsed.run(parsed))


def guarded(run: Callable[[], int | None]) -> int:
    """Run; an error of ours becomes one sentence on standard error and its exit code."""
    try:
        return run() or Exit.OK
    except BrokenPipeError:
        # The reader of our output has gone (… | head): no error, but nothing more can be written.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except (EmoTalkError, OSError) as error:
        complain(str(error))
        return getattr(error, "exit_code", exit_of(error))
    except KeyboardInterrupt:
        complain("interrupted")
        return Exit.INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="emotalk",
        description="Speech audio in, a moving face out: 52 ARKit blendshapes at 30 frames a second.",
        epilog=flags.ENVIRONMENT_NOTE,
        formatter_class=flags.Formatter,
    )
    parser.add_argument("--version", action="version", version=f"emotalk {version('emotalk')}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in _COMMANDS:
        name = command.__name__.rpartition(".")[2]
        one_line = (command.__doc__ or "").strip().partition("\n")[0]
        sub = commands.add_parser(
            name, help=one_line, description=one_line, epilog=flags.ENVIRONMENT_NOTE, formatter_class=flags.Formatter
        )
        command.add_arguments(sub)
        sub.set_defaults(run=command.run)
    return parser
