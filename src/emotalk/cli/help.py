"""Two helps of each command: the flags that people need, and all of them."""

import argparse
import re
from collections.abc import Iterable
from typing import Any

_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


class AllFlags(argparse.HelpFormatter):
    """Shows each flag once, in its dashed spelling, and its default."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=34, width=100)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        shown = [name for name in action.option_strings if "_" not in name]
        if not shown:
            return super()._format_action_invocation(action)
        if action.nargs == 0:
            return ", ".join(shown)
        return f"{', '.join(shown)} {self._format_args(action, self._get_default_metavar_for_optional(action))}"

    def _get_help_string(self, action: argparse.Action) -> str:
        text = _LINK.sub(r"\1", action.help or "").replace("`", "").replace("%", "%%")
        default = getattr(action, "shown", "")
        return f"{text} (default {default})" if default else text


class CommonFlags(AllFlags):
    """Leaves out the rare ones."""

    def add_usage(self, usage: Any, actions: Iterable[argparse.Action], groups: Any, prefix: str | None = None) -> None:
        """argparse's own hook."""
        super().add_usage(usage, [each for each in actions if not is_rare(each)], groups, prefix)

    def add_argument(self, action: argparse.Action) -> None:
        """argparse's own hook."""
        if not is_rare(action):
            super().add_argument(action)


class _HelpAll(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        parser.formatter_class = AllFlags
        parser.print_help()
        parser.exit()


def add_helps(parser: argparse.ArgumentParser) -> None:
    """To a parser that was made without a help."""
    parser.add_argument("-h", "--help", action="help", help="show the flags that most people need")
    suppressed = argparse.SUPPRESS
    parser.add_argument("--help-all", action=_HelpAll, nargs=0, dest=suppressed, default=suppressed, help="show all")


def is_rare(action: argparse.Action) -> bool:
    """Does the flag stand in the long help alone?"""
    return bool(getattr(action, "rare", False))
