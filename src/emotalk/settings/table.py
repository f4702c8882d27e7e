"""Every setting of the service, once; where a value comes from: default < file < environment (EMOTALK_…) < flag."""

import os
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from math import inf
from pathlib import Path
from typing import Any, Literal, get_type_hints

from emotalk.engines.base import DEVICES, PRECISIONS
from emotalk.errors import ConfigurationError
from emotalk.limits import LONGEST_WAIT, MAX_RECORD_MIB
from emotalk.settings.described import Setting, as_text, parse_factors, parse_options, setting
from emotalk.tracing import TRACINGS

DEFAULT_CHECKPOINT = Path("pretrain_model/EmoTalk.pth")
DEFAULT_KAFKA = "localhost:9092"
ENGINES = ("auto", "builtin", "emotalk", "tone", "sleep")
LOG_FORMATS = ("text", "json")
MOST_MIB = MAX_RECORD_MIB
"""What a queue takes, 64 MiB of sound, and its envelope."""
LOG_LEVELS = ("debug", "info", "warning", "error")


def _port(default: int, help: str, group: str, *, fix: str = "Use 1..65535, or 0 for any free one", **more: Any) -> Any:
    return setting(default, help, group, metavar="N", between=(0, 65535), fix=fix, **more)


def _count(default: int, help: str, group: str) -> Any:
    return setting(default, help, group, metavar="N", between=(0, inf), fix="Use 1 or more, or 0")


def _mib(default: int, help: str, group: str) -> Any:
    return setting(default, help, group, metavar="N", between=(1, MOST_MIB), fix=f"Use 1..{MOST_MIB}")


def _seconds(default: float, help: str, group: str) -> Any:
    return setting(default, help, group, metavar="S", between=(5e-324, inf), fix="Use a positive number of seconds")


@dataclass(frozen=True)
class Settings:
    """Durations in seconds. `queue` is sqlite:///PATH, kafka://HOST:PORT[,HOST:PORT] or memory://."""

    host: str = setting(
        "127.0.0.1",
        "address to listen on; `0.0.0.0` is every interface; beyond this machine the log warns where TLS or a token is"
        " missing",
        "listening",
        metavar="ADDRESS",
        common=True,
    )
    port: int = _port(50051, "TCP port; 0 takes any free one, and the log says which", "listening", common=True)
    a2f_port: int = _port(
        0,
        "a second port, for clients of NVIDIA's Audio2Face-3D: theirs is 52000; 0 opens none. See [a2f](a2f.md)",
        "listening",
        fix="Use 1..65535, or 0 for none",
    )
    a2f: bool = setting(True, "do not answer the calls of Audio2Face-3D", "listening")
    worker: bool = setting(True, "do not run a worker; others do the work: `emotalk work`", "work", common=True)
    worker_name: str = setting(
        "",
        "a restart under the same name takes its job over at once; two workers must not run under one name",
        "work",
        metavar="NAME",
    )
    drain_seconds: float = setting(
        30.0,
        "seconds that work in hand may take after SIGTERM; at a second signal a worker gives its job back at once",
        "work",
        metavar="S",
        between=(0, LONGEST_WAIT),
        fix=f"Use 0..{LONGEST_WAIT:.0f} seconds",
    )
    hang_seconds: float = _seconds(
        60.0,
        "an engine that computes for longer than S seconds + 20 × the clip's duration counts as hung: its worker"
        " ends with exit code 70 (`serve` starts it again), and the attempt counts",
        "work",
    )
    max_seconds: float = _seconds(1800.0, "longest clip or stream that is accepted, in seconds", "sound")
    web: bool = setting(True, "no HTTP port and no page", "gateway")
    web_host: str = setting("127.0.0.1", "address of the HTTP port", "gateway", metavar="ADDRESS")
    web_port: int = _port(
        8000,
        "HTTP port; 0 takes any free one, and the log says which. Where the default port is busy, `serve` says so and"
        " goes on without; a port that was asked for and is busy: exit code 2",
        "gateway",
        common=True,
    )
    web_hosts: str = setting(
        "",
        "names of this machine by which browsers call it, beside `localhost` and its addresses; any other is refused",
        "gateway",
        metavar="NAME,…",
    )
    web_origins: str = setting(
        "",
        "origins of other pages that may call it, e.g. `https://avatars.example` (CORS); `file://` for pages of files"
        " and desktop shells",
        "gateway",
        metavar="URL,…",
    )
    live_sessions: int | Literal["auto"] = setting(
        "auto",
        "live microphones at once; auto: as many as this machine is measured to hold ([scaling](scaling.md#live)); 0:"
        " none. They are spread over engine processes, one a core and no more than N, which start with the server",
        "sound",
        metavar="N",
        between=(0, inf),
        fix="Use auto, or 1 or more, or 0 for none",
        read=lambda text: "auto" if text == "auto" else int(text),
    )
    tls_cert: str = setting(
        "",
        "TLS: the server's certificate with its chain. Read again when the file changes, without a restart",
        "keys",
        metavar="PEM",
    )
    tls_key: str = setting("", "the certificate's key, without a password", "keys", metavar="PEM")
    tls_client_ca: str = setting(
        "", "mutual TLS: only clients with a certificate of this authority are let in", "keys", metavar="PEM"
    )
    token_file: str = setting(
        "",
        "only clients with a bearer token of this file are let in: one a line, of 16 or more characters, a name before"
        " it if you like; read again when it changes",
        "keys",
        metavar="FILE",
        common=True,
    )
    max_receive_mib: int = _mib(65, f"largest request, 1 to {MOST_MIB} MiB", "limits")
    max_concurrent_rpcs: int = setting(
        1000,
        "calls at once, those that wait for their answer too; one more is RESOURCE_EXHAUSTED",
        "limits",
        metavar="N",
        between=(1, inf),
        fix="Use 1 or more",
    )
    receive_seconds: float = _seconds(
        300.0, "seconds that one request may take to arrive, then DEADLINE_EXCEEDED", "limits"
    )
    max_connection_age: float = setting(
        0.0,
        "seconds after which a client is asked to connect again, so that balancers spread long connections; calls in"
        " hand are finished; 0: never",
        "limits",
        metavar="S",
        between=(0, 10**6),
        fix="Use 0 for never, or seconds",
    )
    client_requests: int = _count(
        0, "unfinished requests that one client may have in this server; 0: any number", "limits"
    )
    client_seconds: float = setting(
        0.0,
        "seconds of sound in one client's unfinished requests; 0: any number",
        "limits",
        metavar="S",
        between=(0, inf),
        fix="Use 0 for no limit, or more",
    )
    reflection: bool = setting(True, "do not describe the contract to callers: no gRPC reflection, no /docs", "limits")
    queue: str = setting(
        "sqlite",
        "`sqlite` (a file in the user's state folder), `sqlite:///PATH` (so `sqlite:////var/lib/q.db` for an absolute"
        " path), `kafka://HOST:PORT[,HOST:PORT…]`, or `memory://`, which lives inside one `serve`",
        "queue",
        metavar="URL",
        common=True,
    )
    kafka_replication: int = _count(0, "replicas of Kafka topics that are created; 0 means min(3, brokers)", "queue")
    kafka_prefix: str = setting(
        "",
        "goes before the names of the Kafka topics and of the consumer group, e.g. `staging.`; deployments with"
        " different prefixes share a cluster and never meet. See [kafka](kafka.md)",
        "queue",
        metavar="TEXT",
    )
    max_message_mib: int = _mib(
        MOST_MIB,
        f"largest record of the queue, 1 to {MOST_MIB} MiB: what the Kafka broker takes (`message.max.bytes`). Sound"
        " that needs more is refused, and the sentence says how much of it fits",
        "queue",
    )
    kafka_config: str = setting(
        "",
        "librdkafka's settings, a line NAME=VALUE each, `#` before comments: TLS, SASL, passwords",
        "queue",
        metavar="FILE",
    )
    kafka_option: Mapping[str, str] = setting(
        {},
        "one of librdkafka's settings; may be repeated, and goes over the file and the variables, e.g."
        " security.protocol=SASL_SSL. Settings that delivery depends on (acks, commits, group) are refused; a password"
        " works, with a warning",
        "queue",
        metavar="NAME=VALUE",
        read=parse_options,
        secret=True,
    )
    kafka_security_protocol: str = setting(
        "", "librdkafka's `security.protocol`: `PLAINTEXT`, `SSL`, `SASL_PLAINTEXT`, `SASL_SSL`", "kafka", flag=False
    )
    kafka_sasl_mechanism: str = setting(
        "", "`sasl.mechanism`: `PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512` …", "kafka", flag=False
    )
    kafka_sasl_username: str = setting("", "`sasl.username`", "kafka", flag=False)
    kafka_sasl_password: str = setting("", "`sasl.password`; never shown", "kafka", secret=True, flag=False)
    kafka_ssl_ca: str = setting("", "`ssl.ca.location`: PEM of the broker's authority", "kafka", flag=False)
    partitions: int = _count(
        0,
        "requests are spread over at least N partitions, by `session_id`, so that N workers share them; 0 leaves their"
        " number as it is, 1 where the queue is new. Grown only while nothing waits: see [scaling](scaling.md)",
        "bounds",
    )
    max_waiting: int = _count(
        0,
        "while N requests are unfinished, new ones are refused with RESOURCE_EXHAUSTED, and health says NOT_SERVING; 0"
        " sets no bound. On Kafka counted once a second",
        "bounds",
    )
    queue_bytes: int = _count(
        0,
        "bound of the embedded queue's file, for new requests; 0 leaves it to the disk. With Kafka an error",
        "bounds",
    )
    engine: str = setting(
        "auto",
        f"auto is `emotalk` if `{DEFAULT_CHECKPOINT}` is there, else `builtin`; `tone` and `sleep` are for tests",
        "engine",
        choices=ENGINES,
        common=True,
    )
    model_path: str = setting(
        "", "EmoTalk.pth, a checkpoint you bring; implies `--engine emotalk`", "engine", metavar="PATH"
    )
    device: str = setting(
        "auto",
        "for `emotalk`, auto is cuda where a GPU answers and the extra `emotalk[cuda]` is installed; asked for by"
        " name, cuda is an error where it is unavailable, not a silent fall-back. `builtin`, `tone` and `sleep` run on"
        " the CPU only",
        "engine",
        choices=DEVICES,
    )
    precision: str = setting(
        "auto",
        "for `emotalk`, auto is bf16 where the processor has it (on CUDA: fp16) and a check at the start proves it"
        " right, else fp32; asked for by name, 16 bits are an error where they are unavailable. `builtin`, `tone` and"
        " `sleep` compute in fp32 only",
        "engine",
        choices=PRECISIONS,
    )
    gains: Mapping[str, float] = setting(
        {},
        "multiply blendshapes, e.g. `jawOpen=1.2,mouthClose=0.9`; stamped on every request that is accepted",
        "shaping",
        metavar="NAME=NUMBER,…",
        read=parse_factors,
    )
    offsets: Mapping[str, float] = setting(
        {}, "add to blendshapes, e.g. `browInnerUp=0.05`", "shaping", metavar="NAME=NUMBER,…", read=parse_factors
    )
    metrics_port: int = _port(
        0,
        "show Prometheus [metrics](metrics.md) at this port, `/metrics`; 0 shows none",
        "metrics",
        fix="Use 1..65535, or 0 for none",
        common=True,
    )
    metrics_host: str = setting("127.0.0.1", "address of that port; it has no password", "metrics", metavar="ADDRESS")
    tracing: str = setting(
        "off",
        "otlp: send OpenTelemetry [traces](metrics.md#traces) by OTLP over gRPC (extra `emotalk[otel]`)",
        "metrics",
        choices=TRACINGS,
    )
    log_level: str = setting("info", "how much the log says", "log", choices=LOG_LEVELS, common=True)
    log_format: str = setting("text", "one line each, on standard error", "log", choices=LOG_FORMATS)

    def __post_init__(self) -> None:
        for each in SETTINGS.values():
            each.check(getattr(self, each.name))
        if bool(self.tls_cert) != bool(self.tls_key):
            missing = "tls_key" if self.tls_cert else "tls_cert"
            raise ConfigurationError(
                f"{missing}: a certificate and its key go together. Give --tls-cert and --tls-key."
            )
        if self.a2f_port and not self.a2f:
            raise ConfigurationError("a2f_port: --no-a2f switches off what this port is for. Remove one of the two.")
        if self.a2f_port and self.a2f_port == self.port:
            raise ConfigurationError(f"a2f_port: {self.port} is --port, which answers these calls too. Remove it.")
        if self.tls_client_ca and not self.tls_cert:
            raise ConfigurationError("tls_client_ca: there is no TLS without --tls-cert and --tls-key. Give them too.")

    @classmethod
    def load(
        cls,
        environment: Mapping[str, str],
        flags: Mapping[str, Any],
        defaults: Mapping[str, Any],
        file: Mapping[str, Any] | None = None,
    ) -> "Settings":
        """Flags that are None were not given. Raises ConfigurationError naming the variable."""
        told = {
            name: each.parse(environment[each.variable])
            for name, each in SETTINGS.items()
            if each.variable in environment
        }
        given = {name: value for name, value in flags.items() if value is not None}
        return cls(**{**defaults, **(file or {}), **told, **given})

    def as_environment(self) -> dict[str, str]:
        """What another process needs to load the same settings."""
        return {each.variable: as_text(getattr(self, name)) for name, each in SETTINGS.items()}


def from_environment(
    flags: Mapping[str, Any], defaults: Mapping[str, Any], file: Mapping[str, Any] | None = None
) -> Settings:
    """The settings of this process; `defaults` are those of the command, where they differ."""
    return Settings.load(os.environ, flags, defaults, file)


def _list_settings() -> dict[str, Setting]:
    kinds = get_type_hints(Settings)
    values = {each.name: {} if each.default is MISSING else each.default for each in fields(Settings)}
    return {
        each.name: Setting(each.name, kinds[each.name], values[each.name], **each.metadata) for each in fields(Settings)
    }


SETTINGS = _list_settings()
