"""Every setting of the service, once: defaults < environment (EMOTALK_…) < flags."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from emotalk.engines.base import DEVICES, PRECISIONS
from emotalk.errors import ConfigurationError
from emotalk.tracing import TRACINGS

PREFIX = "EMOTALK_"
DEFAULT_CHECKPOINT = Path("pretrain_model/EmoTalk.pth")
DEFAULT_KAFKA = "localhost:9092"
ENGINES = ("auto", "builtin", "emotalk", "tone", "sleep")
LOG_FORMATS = ("text", "json")
MOST_MIB = 65
"""What a queue takes, 64 MiB of sound, and its envelope."""
LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True)
class Settings:
    """Durations in seconds. `queue` is sqlite:///PATH, kafka://HOST:PORT[,HOST:PORT] or memory://."""

    host: str = "127.0.0.1"
    port: int = 50051
    queue: str = "sqlite"
    kafka_replication: int = 0
    kafka_config: str = ""
    kafka_option: Mapping[str, str] = field(default_factory=dict, repr=False)
    kafka_security_protocol: str = ""
    kafka_sasl_mechanism: str = ""
    kafka_sasl_username: str = ""
    kafka_sasl_password: str = field(default="", repr=False)
    kafka_ssl_ca: str = ""
    partitions: int = 0
    max_waiting: int = 0
    queue_bytes: int = 0
    engine: str = "auto"
    model_path: str = ""
    device: str = "auto"
    precision: str = "auto"
    tls_cert: str = ""
    tls_key: str = ""
    tls_client_ca: str = ""
    token_file: str = ""
    max_receive_mib: int = 65
    max_concurrent_rpcs: int = 1000
    receive_seconds: float = 300.0
    client_requests: int = 0
    client_seconds: float = 0.0
    reflection: bool = True
    worker: bool = True
    worker_name: str = ""
    web: bool = True
    web_host: str = "127.0.0.1"
    web_port: int = 8000
    web_hosts: str = ""
    web_origins: str = ""
    live_sessions: int = 4
    max_seconds: float = 1800.0
    drain_seconds: float = 30.0
    hang_seconds: float = 60.0
    gains: Mapping[str, float] = field(default_factory=dict)
    offsets: Mapping[str, float] = field(default_factory=dict)
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 0
    tracing: str = "off"
    log_level: str = "info"
    log_format: str = "text"

    def __post_init__(self) -> None:
        self._check("engine", self.engine, ENGINES)
        self._check("device", self.device, DEVICES)
        self._check("precision", self.precision, PRECISIONS)
        self._check("tracing", self.tracing, TRACINGS)
        self._check("log_level", self.log_level, LOG_LEVELS)
        self._check("log_format", self.log_format, LOG_FORMATS)
        for name in ("port", "web_port"):
            if not 0 <= (port := getattr(self, name)) <= 65535:
                raise ConfigurationError(f"{name}: {port} is no TCP port. Use 1..65535, or 0 for any free one.")
        if not 0 <= self.metrics_port <= 65535:
            raise ConfigurationError(f"metrics_port: {self.metrics_port} is no TCP port. Use 1..65535, or 0 for none.")
        if self.live_sessions < 0:
            raise ConfigurationError(f"live_sessions: {self.live_sessions} is negative. Use 1 or more, or 0 for none.")
        if self.kafka_replication < 0:
            raise ConfigurationError(f"kafka_replication: {self.kafka_replication} is negative. Use 1 or more, or 0.")
        self._check_doors()
        for name in ("partitions", "max_waiting", "queue_bytes"):
            if getattr(self, name) < 0:
                raise ConfigurationError(f"{name}: {getattr(self, name)} is negative. Use 1 or more, or 0.")
        if not self.max_seconds > 0:
            raise ConfigurationError(
                f"max_seconds: {self.max_seconds:g} is too short. Use a positive number of seconds."
            )
        if not self.hang_seconds > 0:
            raise ConfigurationError(f"hang_seconds: {self.hang_seconds:g} is too short. Use a positive number.")
        if not self.drain_seconds >= 0:
            raise ConfigurationError(f"drain_seconds: {self.drain_seconds:g} is negative. Use 0 or more seconds.")

    def _check_doors(self) -> None:
        if bool(self.tls_cert) != bool(self.tls_key):
            missing = "tls_key" if self.tls_cert else "tls_cert"
            raise ConfigurationError(
                f"{missing}: a certificate and its key go together. Give --tls-cert and --tls-key."
            )
        if self.tls_client_ca and not self.tls_cert:
            raise ConfigurationError("tls_client_ca: there is no TLS without --tls-cert and --tls-key. Give them too.")
        if not 1 <= self.max_receive_mib <= MOST_MIB:
            raise ConfigurationError(f"max_receive_mib: {self.max_receive_mib} is outside 1..{MOST_MIB}.")
        if self.max_concurrent_rpcs < 1:
            raise ConfigurationError(f"max_concurrent_rpcs: {self.max_concurrent_rpcs} lets nobody in. Use 1 or more.")
        if not self.receive_seconds > 0:
            raise ConfigurationError(f"receive_seconds: {self.receive_seconds:g} is too short. Use a positive number.")
        if self.client_requests < 0 or not self.client_seconds >= 0:
            name = "client_requests" if self.client_requests < 0 else "client_seconds"
            raise ConfigurationError(f"{name}: {getattr(self, name):g} is negative. Use 0 for no limit, or more.")

    @staticmethod
    def _check(name: str, value: str, allowed: Sequence[str]) -> None:
        if value not in allowed:
            raise ConfigurationError(f"{name}: '{value}' is unknown. Use one of {', '.join(allowed)}.")

    @classmethod
    def load(cls, environment: Mapping[str, str], flags: Mapping[str, Any], defaults: Mapping[str, Any]) -> "Settings":
        """Flags that are None were not given. Raises ConfigurationError naming the variable."""
        values = dict(defaults)
        for item in fields(cls):
            text = environment.get(PREFIX + item.name.upper())
            if text is not None:
                values[item.name] = _parse(item.name, text, getattr(_DEFAULTS, item.name))
        values.update({name: value for name, value in flags.items() if value is not None})
        return replace(_DEFAULTS, **values)

    def as_environment(self) -> dict[str, str]:
        """What another process needs to load the same settings."""
        return {PREFIX + item.name.upper(): _text(getattr(self, item.name)) for item in fields(self)}


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


def _parse(name: str, text: str, default: Any) -> Any:
    try:
        if isinstance(default, bool):
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[text.lower()]
        if isinstance(default, Mapping):
            return parse_options(text) if name == "kafka_option" else parse_factors(text)
        return type(default)(text)
    except (ValueError, KeyError) as error:
        shown = f"'{text}'" if name != "kafka_option" else "what it holds"
        raise ConfigurationError(f"{PREFIX}{name.upper()}: {shown} is not a value for {name}.") from error


def _text(value: Any) -> str:
    if isinstance(value, Mapping) and any(isinstance(each, str) for each in value.values()):
        return "\n".join(f"{name}={text}" for name, text in value.items())
    if isinstance(value, Mapping):
        return ",".join(f"{name}={number!r}" for name, number in value.items())
    return str(value)


def from_environment(flags: Mapping[str, Any], defaults: Mapping[str, Any]) -> Settings:
    """The settings of this process; `defaults` are those of the command, where they differ."""
    return Settings.load(os.environ, flags, defaults)


_DEFAULTS = Settings()
