"""Writes the tables of docs/flags.md, which are made of the program: `make docs`. What stands between them is kept."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

from emotalk.cli.flags import flag_of
from emotalk.cli.main import _build_parser
from emotalk.settings import SETTINGS, Setting

PAGE = Path(__file__).with_suffix(".md")
_SECTION = re.compile(r"^## (.+)\n", re.M)
_TABLE = re.compile(r"^\|.*?\n(?!\|)", re.M | re.S)


def written(page: str) -> str:
    """The page with its tables made anew; a section of a command or of the variables has one."""
    tables = dict(_tables(_SECTION.findall(page)))
    parts = _SECTION.split(page)
    for place in range(1, len(parts), 2):
        if table := tables.get(parts[place]):
            parts[place + 1] = _TABLE.sub(lambda _, table=table: table, parts[place + 1], count=1)
        parts[place] = f"## {parts[place]}\n"
    return "".join(parts)


def _tables(titles: list[str]) -> Iterator[tuple[str, str]]:
    """Section → table. A text that a command above has already is not repeated."""
    told: dict[tuple[str, str], str] = {}
    for title in titles:
        if parser := commands().get(title.removeprefix("emotalk ")):
            rows = [_row(action, title.removeprefix("emotalk "), told) for action in documented(parser)]
            yield title, "\n".join(("| flag | default | |", "|---|---|---|", *rows)) + "\n"
    variables = [f"| `{each.variable}` | {_variable(each)} |" for each in SETTINGS.values()]
    yield "Environment variables", "\n".join(("| variable | flag |", "|---|---|", *variables)) + "\n"


def commands() -> dict[str, argparse.ArgumentParser]:
    """Each command's parser by its name."""
    [action] = [each for each in _build_parser()._actions if isinstance(each, argparse._SubParsersAction)]
    return dict(action.choices)


def documented(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """The flags of a command, without the helps and what only we ourselves say."""
    unsaid = (argparse.SUPPRESS,)
    flags = [each for each in parser._actions if each.option_strings and each.help not in unsaid]
    return [each for each in flags if "--help" not in each.option_strings and "--help-all" not in each.option_strings]


def _row(action: argparse.Action, command: str, told: dict[tuple[str, str], str]) -> str:
    names = sorted((name for name in action.option_strings if "_" not in name), key=len, reverse=True)
    flag = ", ".join(f"`{name}`" for name in names) + ("" if action.nargs == 0 else f" {action.metavar or 'NAME'}")
    choices = ", ".join(f"`{each}`" for each in action.choices or ())
    text = "; ".join(filter(None, (choices, action.help))).replace("|", r"\|")
    first = told.setdefault((names[0], text), command)
    flag = flag.replace("|", r"\|")
    return f"| {flag} | {_default(action)} | {text if first == command else f'as for `{first}`'} |"


def _default(action: argparse.Action) -> str:
    if action.required:
        return "required"
    if action.nargs in (0, "?"):
        return "off"
    shown = getattr(action, "shown", "")
    return "not given" if not shown else shown if " " in shown else f"`{shown}`"


def _variable(each: Setting) -> str:
    if not each.flag:
        return each.help
    return f"`{flag_of(each)}`" + (", the other way round: `0`, `false` or `no`" if each.default is True else "")


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
