"""Commands whose libraries are not here: `pip install` without the extra `serve` brings those of the client alone."""

import argparse
from importlib import import_module
from typing import Any

from emotalk.errors import ConfigurationError
from emotalk.extras import how_to_install


def load_command(name: str) -> Any:
    """The module of a command, or what stands for it where it cannot be imported for want of a library."""
    try:
        return import_module(f"emotalk.cli.{name}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "emotalk":
            raise
        return Uninstalled(name, str(error.name))


class Uninstalled:
    """Stands in the list of commands; whatever its arguments, it says what to install."""

    def __init__(self, name: str, library: str) -> None:
        self.__name__ = name
        self.__doc__ = f"Not installed: {library} is missing."
        self._sentence = f"{name}: {library} is not installed. Install it: {how_to_install('serve')}"

    def add_arguments(self, parser: argparse.ArgumentParser, **_: object) -> None:
        """None are known; any are answered like `run`."""
        parser.set_defaults(refuse=self.run)

    def run(self, *_: object, **__: object) -> None:
        """Raise ConfigurationError."""
        raise ConfigurationError(self._sentence)
