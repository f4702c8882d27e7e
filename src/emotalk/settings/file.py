"""Settings from a TOML file, for fleets: `--config FILE`."""

from pathlib import Path
from typing import Any

from emotalk.errors import ConfigurationError
from emotalk.settings.table import SETTINGS


def read_file(path: Path) -> dict[str, Any]:
    """The settings of a TOML file by name. Raises ConfigurationError that names the file and the key."""
    import tomllib

    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigurationError(f"config: {path} cannot be read ({error.strerror}). Check the path.") from error
    except ValueError as error:  # no TOML, or no text
        raise ConfigurationError(f"config: {path} is not TOML: {error}.") from error
    return {name: _accept(path, name, value) for name, value in found.items()}


def _accept(path: Path, name: str, value: Any) -> Any:
    if name not in SETTINGS:
        from difflib import get_close_matches

        near = get_close_matches(name, SETTINGS, 1, 0)[0]
        raise ConfigurationError(f"config: {path} has '{name}', which is not a setting. The nearest is '{near}'.")
    try:
        return SETTINGS[name].accept(value)
    except ConfigurationError as error:
        raise ConfigurationError(f"config: {path}: {error}") from error
