"""A setting as it is described: what its flag, its variable, a file and the documents are made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Union, get_args, get_origin

from emotalk.errors import ConfigurationError

PREFIX = "EMOTALK_"

_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text in quotes"}


def parse_factors(text: str) -> dict[str, float]:
    """'jawOpen=1.2,mouthClose=0.9' → a mapping. Raises ValueError."""
    pairs = (pair.split("=") for pair in text.split(",") if pair)
    return {name.strip(): float(value) for name, value in pairs}


def parse_options(text: str) -> dict[str, str]:
    """Lines NAME=VALUE → a mapping; a value may hold anything but the end of a line. Raises ValueError."""
    pairs = [line.partition("=") for line in text.splitlines() if line.strip()]
    if not all(name.strip() and equals for name, equals, _ in pairs):
        raise ValueError("a line without a name or a value")
    return {name.strip(): value for name, _, value in pairs}


def parse_bool(text: str) -> bool:
    """Yes and no as people write them. Raises KeyError."""
    return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[text.lower()]


@dataclass(frozen=True)
class Setting:
    """What is known of one field of Settings.

    `help`: for people, in Markdown. `group`: the flags that it stands among. `between`: its limits, both included;
    `fix`: what to do about a value beyond them. `read`: text → value. `flag`: False where there is only a variable.
    `common`: it stands in the short help.
    """

    name: str
    kind: Any
    default: Any
    help: str
    group: str
    metavar: str | None
    choices: Sequence[str] | None
    between: tuple[float, float] | None
    fix: str
    read: Callable[[str], Any]
    secret: bool
    flag: bool
    common: bool

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return PREFIX + self.name.upper()

    def check(self, value: Any) -> None:
        """Raise ConfigurationError for a value that cannot be."""
        if self.choices and value not in self.choices:
            raise ConfigurationError(f"{self.name}: '{value}' is unknown. Use one of {', '.join(self.choices)}.")
        if self.between and value != self.default and not self.between[0] <= value <= self.between[1]:
            raise ConfigurationError(f"{self.name}: {value} is out of range. {self.fix}.")

    def parse(self, text: str) -> Any:
        """A variable's text → its value. Raises ConfigurationError that names the variable."""
        try:
            return self.read(text)
        except (ValueError, KeyError) as error:
            shown = "what it holds" if self.secret else f"'{text}'"
            raise ConfigurationError(f"{self.variable}: {shown} is not a value for {self.name}.") from error

    def accept(self, value: Any) -> Any:
        """A value of a TOML file, which has types of its own, → ours. Raises ConfigurationError."""
        try:
            return _to_type(self.kind, value)
        except TypeError as error:
            shown = "its value" if self.secret else repr(value)
            raise ConfigurationError(f"{self.name}: {shown} is not {error}.") from error


def setting(
    default: Any,
    help: str,
    group: str,
    *,
    metavar: str | None = None,
    choices: Sequence[str] | None = None,
    between: tuple[float, float] | None = None,
    fix: str = "",
    read: Callable[[str], Any] | None = None,
    secret: bool = False,
    flag: bool = True,
    common: bool = False,
) -> Any:
    """A field of Settings; see Setting."""
    known: dict[str, Any] = {
        "help": help,
        "group": group,
        "metavar": metavar,
        "choices": choices,
        "between": between,
        "fix": fix,
    }
    read = read or (parse_bool if isinstance(default, bool) else type(default))
    known |= {"read": read, "secret": secret, "flag": flag, "common": common}
    if isinstance(default, Mapping):
        return field(default_factory=lambda: default, repr=not secret, metadata=known)
    return field(default=default, repr=not secret, metadata=known)


def as_text(value: Any) -> str:
    """A value as its variable has it: what `parse` reads."""
    if isinstance(value, Mapping) and any(isinstance(each, str) for each in value.values()):
        return "\n".join(f"{name}={text}" for name, text in value.items())
    if isinstance(value, Mapping):
        return ",".join(f"{name}={number!r}" for name, number in value.items())
    return str(value)


def _to_type(kind: Any, value: Any) -> Any:
    if get_origin(kind) is Union:  # a number, or the word that stands for one
        kind, word = get_args(kind)
        if value in get_args(word):
            return value
    if get_origin(kind) and isinstance(value, dict):
        return {name: _to_type(get_args(kind)[1], each) for name, each in value.items()}
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise TypeError(_KINDS.get(kind, "a table"))
    return value
