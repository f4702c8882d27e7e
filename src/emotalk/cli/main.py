"""emotalk COMMAND …: builds the parser, runs the command, turns errors into a sentence and an exit code."""

import argparse
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from emotalk.cli import flags
from emotalk.cli.exits import open_standard_streams, run_guarded
from emotalk.cli.help import CommonFlags, add_helps, is_rare
from emotalk.cli.parser import CommandParser
from emotalk.cli.uninstalled import load_command

_COMMANDS: tuple[Any, ...] = tuple(
    map(load_command, "animate play serve web work send submit jobs health doctor convert live".split())
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    open_standard_streams()
    parsed, unknown = _build_parser().parse_known_args(arguments)
    return run_guarded(lambda: _run(parsed, unknown))


def _run(parsed: argparse.Namespace, unknown: list[str]) -> int | None:
    if unknown:  # argparse would answer with the usage of all commands, which shows none of this one's flags
        parsed.refuse(f"unrecognized arguments: {' '.join(unknown)}")
    code: int | None = parsed.run(parsed)
    return code


def run_command(command: str, **defaults: object) -> int:
    """One command as a program of its own, `defaults` instead of the command's; returns its exit code."""
    open_standard_streams()
    module = next(each for each in _COMMANDS if _name_command(each) == command)
    parser = CommandParser(**_look(module))
    _fill(parser, module, **defaults)
    parsed, unknown = parser.parse_known_args()
    return run_guarded(lambda: _run(parsed, unknown))


def _build_parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="emotalk",
        description="Speech audio in, a moving face out: 52 ARKit blendshapes at 30 frames a second.",
        epilog=flags.ENVIRONMENT_NOTE,
    )
    parser.add_argument("--version", action="version", version=f"emotalk {version('emotalk')}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in _COMMANDS:
        _fill(commands.add_parser(_name_command(command), help=_describe(command), **_look(command)), command)
    return parser


def _fill(parser: argparse.ArgumentParser, command: Any, **defaults: object) -> None:
    add_helps(parser)
    parser.set_defaults(run=command.run, refuse=parser.error)
    command.add_arguments(parser, **defaults)
    if any(map(is_rare, parser._actions)):
        parser.epilog = f"More flags: {parser.prog} --help-all. {parser.epilog}"


def _look(command: Any) -> dict[str, Any]:
    epilog = getattr(command, "ENVIRONMENT", flags.ENVIRONMENT_NOTE)
    return {"description": _describe(command), "epilog": epilog, "formatter_class": CommonFlags, "add_help": False}


def _name_command(command: Any) -> str:
    return str(command.__name__).rpartition(".")[2]


def _describe(command: Any) -> str:
    return (command.__doc__ or "").strip().partition("\n")[0]
