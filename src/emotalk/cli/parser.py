"""The parser of a command, which tells a file whose name begins with a dash from a flag."""

import argparse
import re
import sys
from typing import Any, NoReturn

_FILE = re.compile(r"-(?![\d.]+$)[^=]*\.\w+")


class CommandParser(argparse.ArgumentParser):
    """argparse's own, but for one thing that its refusals do not say."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """argparse's own hook."""
        self._words = sys.argv[1:] if args is None else list(args)
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """argparse's own hook."""
        file = next(filter(_FILE.fullmatch, self._words), "")
        super().error(f"{message}. '{file}' is taken for a flag: for a file write ./{file}" if file else message)
