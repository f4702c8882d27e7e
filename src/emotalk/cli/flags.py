"""Flags that several commands share. The first version's spellings with underscores are accepted beside the dashes.

Why so: docs/decisions/0016.
"""

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from emotalk.cli.key_frames import text_of
from emotalk.client import Credentials
from emotalk.export.form import Form
from emotalk.export.formats import suffix_of
from emotalk.export.visemes import KINDS
from emotalk.limits import LONGEST_WAIT
from emotalk.performance import PARAMETERS, Parameter, Performance
from emotalk.settings import PREFIX, SETTINGS, Setting, parse_options
from emotalk.timebase import RATES

TOKEN_VARIABLE = f"{PREFIX}TOKEN"
TOKEN = (
    f"a bearer token: the last word of the first line. Or the token itself in the variable {TOKEN_VARIABLE}; there is"
    " no flag for it, since others can read command lines"
)


_COMMON = ("emotion_level", "person_id", "post_processing", "emotion")
"""What most people ask of a performance."""


def add(parser: Any, *names: str, rare: bool = False, shown: object = None, **options: Any) -> None:
    """Add a flag under its dashed spelling and, unseen, its underscored one.

    `rare`: it stands in the long help alone. `shown`: its default, where that is not argparse's.
    """
    spellings = [name for dashed in names for name in dict.fromkeys((dashed, _to_underscores(dashed)))]
    action = parser.add_argument(*spellings, **options)
    default = options.get("default") if shown is None else shown
    action.rare, action.shown = rare, "" if action.nargs == 0 else _word_default(default)


def _word_default(default: object) -> str:
    if default in (None, "", {}, ()):
        return ""
    return f"{default:g}" if isinstance(default, float) else f"{default}"


def _to_underscores(name: str) -> str:
    return "--" + name[2:].replace("-", "_") if name.startswith("--") else name


def seconds(text: str) -> float:
    """How long to wait, as a flag's value; 0: not at all."""
    if not (value := float(text)) >= 0:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of seconds from 0 on")
    return min(value, LONGEST_WAIT)


def switch(text: str) -> bool:
    """'on' or 'off' as a flag's value."""
    if text not in ("on", "off"):
        raise argparse.ArgumentTypeError(f"'{text}' is neither on nor off")
    return text == "on"


def add_performance(parser: argparse.ArgumentParser) -> None:
    """How a clip is performed: a flag a parameter; what is on by default gets its --no-NAME."""
    group = parser.add_argument_group("performance")
    for each in PARAMETERS:
        name = each.flag or each.name.replace("_", "-")
        dest = {"dest": each.name, "default": each.default, "rare": each.name not in _COMMON}
        if each.default is True:
            add(group, f"--no-{name}", **dest, action="store_false", help=f"no {each.help}")
        elif each.default is False and each.metavar:
            add(group, f"--{name}", **dest, type=switch, nargs="?", const=True, metavar=each.metavar, help=each.help)
        elif each.default is False:
            add(group, f"--{name}", **dest, action="store_true", help=each.help)
        else:
            add(group, f"--{name}", **dest, **_describe(each))


def _describe(each: Parameter) -> dict[str, Any]:
    choices = get_args(each.kind) if get_origin(each.kind) is Literal else None
    kind = each.kind if each.kind in (int, float) else str
    return {"type": kind, "choices": choices, "metavar": each.metavar, "help": each.help}


def read_performance(parsed: argparse.Namespace) -> Performance:
    """The flags of `add_performance`. Raises InvalidRequest for one that cannot be read."""
    asked = {each.name: getattr(parsed, each.name) for each in PARAMETERS}
    asked |= {
        each.name: text_of(asked[each.name]) for each in PARAMETERS if each.metavar == "FILE" and asked[each.name]
    }
    read = {each.name: each.read for each in PARAMETERS if each.read and isinstance(asked[each.name], str)}
    return Performance(**asked | {name: convert(asked[name]) for name, convert in read.items()})


def add_form(parser: argparse.ArgumentParser, shown: str = "30") -> None:
    """In what form the curves are wanted."""
    add(parser, "--fps", rare=True, default="", choices=tuple(RATES), metavar="RATE", shown=shown, help=_FPS)
    add(parser, "--shapes", rare=True, default=KINDS[0], choices=KINDS, metavar="/".join(KINDS), help=_SHAPES)


def read_form(parsed: argparse.Namespace, output: Path | None = None) -> Form:
    """The flags of `add_form`. Raises InvalidRequest for shapes that the file `output` cannot have."""
    wanted = Form(parsed.fps, parsed.shapes)
    if output:
        wanted.check(suffix_of(output) or "")
    return wanted


def add_request(parser: argparse.ArgumentParser) -> None:
    """What tells a request from others."""
    ids = {"request-id": "up to 200 printable characters; repeating an id is safe", "session-id": _SESSION}
    for name, text in ids.items():
        shown = "a new one" if name == "request-id" else None
        add(parser, f"--{name}", default="", shown=shown, rare=True, metavar="ID", help=text)


def add_settings(parser: argparse.ArgumentParser, *chosen: str, **own: object) -> None:
    """The flags of settings, chosen by name or by group; `own`: the command's defaults where they differ."""
    parser.set_defaults(own_defaults=own)
    add(parser, "--config", type=Path, metavar="FILE", help=_CONFIG)
    groups: dict[str, Any] = {}
    for each in (each for name in chosen for each in SETTINGS.values() if name in (each.name, each.group)):
        if each.group not in groups:
            groups[each.group] = parser.add_argument_group(each.group)
        add(groups[each.group], flag_of(each), shown=own.get(each.name, each.default), **_list_options(each))
        if each.name == "queue":
            same = "the same as `--queue kafka://HOST:PORT,…`; both together are an error"
            add(groups[each.group], "--kafka-servers", rare=True, metavar="HOST:PORT,…", help=same)


def flag_of(each: Setting) -> str:
    """A setting's flag."""
    return f"--{'no-' if each.default is True else ''}{each.name.replace('_', '-')}"


def _list_options(each: Setting) -> dict[str, Any]:
    """What argparse is told of a setting; None stands for a flag that was not given."""
    common: dict[str, Any] = {"dest": each.name, "help": each.help, "rare": not each.common}
    if each.default is True:
        return common | {"action": "store_const", "const": False}
    repeated = {"action": "append"} if each.read is parse_options else {}
    kind = None if each.read is str else each.read if each.read in (int, float) else _choose_reader(each)
    return common | repeated | {"type": kind, "metavar": each.metavar, "choices": each.choices}


def _choose_reader(each: Setting) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            return each.read(text)
        except ValueError as error:
            shown = "that" if each.secret else f"'{text}'"
            raise argparse.ArgumentTypeError(f"{shown} is not {each.metavar}") from error

    return read


def add_credentials(parser: argparse.ArgumentParser, token: str = TOKEN) -> None:
    """How a client shows who it is, and whom it trusts."""
    group = parser.add_argument_group("credentials")
    add(group, "--tls", action="store_true", help="TLS, trusting the authorities of this machine", rare=True)
    add(group, "--tls-ca", type=Path, metavar="PEM", help="TLS, trusting this authority alone", rare=True)
    add(
        group, "--tls-cert", type=Path, metavar="PEM", help="our own certificate, where the server wants one", rare=True
    )
    add(group, "--tls-key", type=Path, metavar="PEM", help="its key", rare=True)
    name = "the name in the server's certificate, if it is not the host"
    add(group, "--tls-server-name", default="", metavar="NAME", help=name, rare=True)
    add(group, "--token-file", type=Path, metavar="FILE", help=token)


def read_credentials(parsed: argparse.Namespace) -> Credentials:
    """The flags of `add_credentials`, and the token of the environment where no file of one is given."""
    return Credentials(
        parsed.tls,
        parsed.tls_ca,
        parsed.tls_cert,
        parsed.tls_key,
        parsed.tls_server_name,
        "" if parsed.token_file else os.environ.get(TOKEN_VARIABLE, ""),
        parsed.token_file,
    )


_FPS = f"frames a second of the curves: {', '.join(RATES)}; lips that meet between two frames still meet"
_SHAPES = (
    "the 52 of ARKit, or what an avatar without them has: VRM's vowels and blinks, the 15 visemes of Oculus, the 22 of"
    " Azure"
)
_SESSION = "requests of one session are processed in the order of their arrival"
_CONFIG = (
    "settings from a TOML file, by name: `port = 50051`, `[gains]` with a line for each; secrets too. Variables and"
    " flags go over it"
)
TOKEN_NOTE = f"Of the environment it reads {TOKEN_VARIABLE} alone."
ENVIRONMENT_NOTE = f"Settings can also come from the environment, e.g. {PREFIX}LOG_FORMAT=json: see docs/flags.md."
