"""Flags that several commands share. The first version's spellings with underscores are accepted beside the dashes."""

import argparse
import os
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from emotalk.client import Credentials
from emotalk.engines.base import DEVICES, PRECISIONS
from emotalk.performance import PARAMETERS, Parameter, Performance
from emotalk.settings import DEFAULT_CHECKPOINT, ENGINES, LOG_FORMATS, LOG_LEVELS, PREFIX, parse_factors
from emotalk.tracing import TRACINGS

TOKEN_VARIABLE = f"{PREFIX}TOKEN"


def add(parser: Any, *names: str, **options: Any) -> None:
    """Add a flag under its dashed spelling and, unseen, its underscored one."""
    spellings = [name for dashed in names for name in dict.fromkeys((dashed, _underscored(dashed)))]
    parser.add_argument(*spellings, **options)


def _underscored(name: str) -> str:
    return "--" + name[2:].replace("-", "_") if name.startswith("--") else name


class Formatter(argparse.HelpFormatter):
    """Shows each flag once, in its dashed spelling."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=34, width=100)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        shown = [name for name in action.option_strings if "_" not in name]
        if not shown:
            return super()._format_action_invocation(action)
        if action.nargs == 0:
            return ", ".join(shown)
        return f"{', '.join(shown)} {self._format_args(action, self._get_default_metavar_for_optional(action))}"


def factors(text: str) -> dict[str, float]:
    """'jawOpen=1.2,mouthClose=0.9' as a flag's value."""
    try:
        return parse_factors(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{text}' is not NAME=NUMBER[,NAME=NUMBER...]") from error


def option(text: str) -> tuple[str, str]:
    """'security.protocol=SSL' as a flag's value."""
    name, equals, value = text.partition("=")
    if not name.strip() or not equals:
        raise argparse.ArgumentTypeError("that is not NAME=VALUE")
    return name.strip(), value


def add_performance(parser: argparse.ArgumentParser) -> None:
    """How a clip is performed: a flag a parameter; what is on by default gets its --no-NAME."""
    group = parser.add_argument_group("performance")
    for each in PARAMETERS:
        name, dest = each.name.replace("_", "-"), {"dest": each.name, "default": each.default}
        if each.default is True:
            add(group, f"--no-{name}", **dest, action="store_false", help=f"no {each.help}")
        elif each.default is False:
            add(group, f"--{name}", **dest, action="store_true", help=each.help)
        else:
            add(group, f"--{name}", **dest, **_worded(each))


def _worded(each: Parameter) -> dict[str, Any]:
    choices = get_args(each.kind) if get_origin(each.kind) is Literal else None
    default = f" (default {each.default:g})" if isinstance(each.default, int | float) else ""
    kind = each.kind if each.kind in (int, float) else str
    return {"type": kind, "choices": choices, "metavar": each.metavar, "help": each.help + default}


def performance(parsed: argparse.Namespace) -> Performance:
    """The flags of `add_performance`. Raises InvalidRequest for one that cannot be read."""
    asked = {each.name: getattr(parsed, each.name) for each in PARAMETERS}
    read = {each.name: each.read for each in PARAMETERS if each.read and isinstance(asked[each.name], str)}
    return Performance(**asked | {name: convert(asked[name]) for name, convert in read.items()})


def add_engine(parser: argparse.ArgumentParser) -> None:
    """Which engine, on what."""
    group = parser.add_argument_group("engine")
    checkpoint = f"{DEFAULT_CHECKPOINT} if it is there, else the built-in engine"
    add(group, "--engine", choices=ENGINES, help=f"default auto: the emotalk engine with {checkpoint}")
    add(group, "--model-path", metavar="PATH", help="EmoTalk.pth, a checkpoint you bring; implies --engine emotalk")
    add(group, "--device", choices=DEVICES, help="default auto; cuda without a GPU is an error, not a fall-back")
    add(group, "--precision", choices=PRECISIONS, help="default auto")


def add_shaping(parser: argparse.ArgumentParser) -> None:
    """Gains and offsets."""
    group = parser.add_argument_group("shaping")
    add(group, "--gains", type=factors, metavar="NAME=X,...", help="multiply blendshapes, e.g. jawOpen=1.2")
    add(group, "--offsets", type=factors, metavar="NAME=X,...", help="add to blendshapes, e.g. browInnerUp=0.05")


def add_keys(parser: argparse.ArgumentParser) -> None:
    """Who may come in."""
    group = parser.add_argument_group("keys")
    add(group, "--tls-cert", metavar="PEM", help="the server's certificate and its chain; read again when it changes")
    add(group, "--tls-key", metavar="PEM", help="its key, without a password")
    add(group, "--tls-client-ca", metavar="PEM", help="let in only clients with a certificate of this authority")
    add(group, "--token-file", metavar="FILE", help="let in only clients with a bearer token of this file, one a line")


def add_doors(parser: argparse.ArgumentParser) -> None:
    """Who may come in, and with how much."""
    add_keys(parser)
    group = parser.add_argument_group("doors")
    add(group, "--max-receive-mib", type=int, metavar="N", help="largest request in MiB, 1..65 (default 65)")
    add(group, "--max-concurrent-rpcs", type=int, metavar="N", help="calls at once, waiting ones too (default 1000)")
    add(group, "--receive-seconds", type=float, metavar="S", help="how long a request may take to arrive (default 300)")
    add(group, "--client-requests", type=int, metavar="N", help="unfinished requests of one client (default 0: any)")
    add(group, "--client-seconds", type=float, metavar="S", help="seconds of its unfinished sound (default 0: any)")
    add(group, "--no-reflection", dest="reflection", action="store_const", const=False, help="do not tell the contract")


def add_credentials(parser: argparse.ArgumentParser) -> None:
    """How a client shows who it is, and whom it trusts."""
    group = parser.add_argument_group("credentials")
    add(group, "--tls", action="store_true", help="TLS, trusting the authorities of this machine")
    add(group, "--tls-ca", type=Path, metavar="PEM", help="TLS, trusting this authority alone")
    add(group, "--tls-cert", type=Path, metavar="PEM", help="our own certificate, where the server wants one")
    add(group, "--tls-key", type=Path, metavar="PEM", help="its key")
    add(group, "--tls-server-name", default="", metavar="NAME", help="the name in the server's certificate, if another")
    add(group, "--token-file", type=Path, metavar="FILE", help=f"a bearer token; or in the variable {TOKEN_VARIABLE}")


def credentials(parsed: argparse.Namespace) -> Credentials:
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


def add_web(parser: argparse.ArgumentParser) -> None:
    """The browser's window."""
    group = parser.add_argument_group("window")
    add(group, "--web-host", metavar="ADDRESS", help="address of the HTTP port (default 127.0.0.1)")
    add(group, "--web-port", type=int, metavar="N", help="HTTP port (default 8000; 0: any free one)")
    add(group, "--web-hosts", metavar="NAME,...", help="names of this machine that browsers use, beside localhost")
    add(group, "--web-origins", metavar="URL,...", help="origins of other pages that may call it (CORS)")


def add_live(parser: argparse.ArgumentParser) -> None:
    """Live microphones."""
    add(parser, "--live-sessions", type=int, metavar="N", help="microphones at once (default 4; 0: none)")


def add_limits(parser: argparse.ArgumentParser) -> None:
    """How long a clip may be."""
    add(parser, "--max-seconds", type=float, metavar="S", help="longest clip accepted, in seconds (default 1800)")


def add_queue(parser: argparse.ArgumentParser, default: str) -> None:
    """Which queue; Kafka's servers as the first version named them."""
    group = parser.add_argument_group("queue")
    where = "sqlite:///PATH, kafka://HOST:PORT[,...] or memory://"
    add(group, "--queue", metavar="URL", help=f"{where} (default {default})")
    add(group, "--kafka-servers", metavar="HOST:PORT,...", help="the same as --queue kafka://HOST:PORT,...")
    add(
        group,
        "--kafka-replication",
        type=int,
        metavar="N",
        help="replicas of topics that are created (default: min(3, brokers))",
    )
    add(group, "--kafka-config", metavar="FILE", help="librdkafka's settings, lines NAME=VALUE: TLS, SASL, passwords")
    add(
        group,
        "--kafka-option",
        type=option,
        action="append",
        metavar="NAME=VALUE",
        help="one of them, e.g. security.protocol=SASL_SSL; passwords belong into the file",
    )


def add_metrics(parser: argparse.ArgumentParser) -> None:
    """Where the service is seen from outside."""
    group = parser.add_argument_group("seen from outside")
    add(group, "--metrics-port", type=int, metavar="N", help="show Prometheus metrics there (default 0: nowhere)")
    add(group, "--tracing", choices=TRACINGS, help="otlp: send OpenTelemetry traces (default off)")
    add(group, "--metrics-host", metavar="ADDRESS", help="address of that port (default 127.0.0.1)")


def add_partitions(parser: argparse.ArgumentParser) -> None:
    """How many workers can work at once."""
    add(
        parser,
        "--partitions",
        type=int,
        metavar="N",
        help="requests are spread over N partitions, so that N workers share them (default: as it is, or 1)",
    )


def add_room(parser: argparse.ArgumentParser) -> None:
    """When the queue is full."""
    group = parser.add_argument_group("back-pressure")
    add(
        group, "--max-waiting", type=int, metavar="N", help="refuse requests while N are unfinished (default: no bound)"
    )
    add(group, "--queue-bytes", type=int, metavar="N", help="bound of the embedded queue's file (default: the disk's)")


def add_logs(parser: argparse.ArgumentParser, level: str = "info") -> None:
    """How the log looks; `level` is the command's default."""
    group = parser.add_argument_group("log")
    add(group, "--log-level", choices=LOG_LEVELS, help=f"default {level}")
    add(group, "--log-format", choices=LOG_FORMATS, help="default text")


def add_drain(parser: argparse.ArgumentParser) -> None:
    """How long the end may take."""
    add(
        parser,
        "--drain-seconds",
        type=float,
        metavar="S",
        help="after SIGTERM, how long what is in hand may take, in seconds (default 30)",
    )


def add_watchdog(parser: argparse.ArgumentParser) -> None:
    """How long an engine may take."""
    add(
        parser,
        "--hang-seconds",
        type=float,
        metavar="S",
        help="an engine that computes for S + 20 x the clip's duration is taken for hung (default 60)",
    )


EMBEDDED = "sqlite, a file in the user's state folder"
TOKEN_NOTE = f"Of the environment it reads {TOKEN_VARIABLE} alone."
ENVIRONMENT_NOTE = f"Settings can also come from the environment, e.g. {PREFIX}LOG_FORMAT=json: see docs/flags.md."
