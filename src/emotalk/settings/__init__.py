"""Every setting of the service, described once: its flag, check, variable and row in docs/flags.md are made of it."""

from emotalk.settings.described import PREFIX, Setting, parse_factors, parse_options
from emotalk.settings.file import read_file
from emotalk.settings.table import (
    DEFAULT_CHECKPOINT,
    DEFAULT_KAFKA,
    ENGINES,
    LOG_FORMATS,
    LOG_LEVELS,
    MOST_MIB,
    SETTINGS,
    Settings,
    from_environment,
)

__all__ = [
    "DEFAULT_CHECKPOINT",
    "DEFAULT_KAFKA",
    "ENGINES",
    "LOG_FORMATS",
    "LOG_LEVELS",
    "MOST_MIB",
    "PREFIX",
    "SETTINGS",
    "Setting",
    "Settings",
    "from_environment",
    "parse_factors",
    "parse_options",
    "read_file",
]
