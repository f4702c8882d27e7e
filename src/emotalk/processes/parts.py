"""Settings → built objects; the only place that names concrete classes."""

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import cast

from emotalk import metrics
from emotalk.audio import Limits, prepare
from emotalk.audio.apart import Decoders
from emotalk.engines.base import Device, Engine, Precision, WindowEngine
from emotalk.engines.catalog import check_engine, open_engine
from emotalk.errors import ConfigurationError, InvalidRequest
from emotalk.jobs.intake import Intake
from emotalk.limits import job_bytes, letter_bytes
from emotalk.pipeline import Pipeline
from emotalk.processes.state import find_queue_file
from emotalk.queues.base import Consumer, Queue
from emotalk.queues.kafka_options import read_options
from emotalk.queues.urls import open_queue, read_path
from emotalk.server.guard.certificates import Tls
from emotalk.server.guard.guard import Guard
from emotalk.server.guard.quota import Quota
from emotalk.settings import DEFAULT_CHECKPOINT, Settings
from emotalk.shaping import Gains
from emotalk.worker.loop import Worker


def make_queue(settings: Settings) -> Queue:
    """The queue; nothing is contacted yet."""
    return open_queue(
        settings.queue,
        find_queue_file,
        replication=settings.kafka_replication,
        partitions=settings.partitions,
        max_waiting=settings.max_waiting,
        max_bytes=settings.queue_bytes,
        kafka=read_kafka_options(settings),
        prefix=settings.kafka_prefix,
        record_mib=settings.max_message_mib,
    )


def read_kafka_options(settings: Settings) -> dict[str, str]:
    """librdkafka's settings: those of the file < the named ones < the options. Raises ConfigurationError."""
    named = {
        "security.protocol": settings.kafka_security_protocol,
        "sasl.mechanism": settings.kafka_sasl_mechanism,
        "sasl.username": settings.kafka_sasl_username,
        "sasl.password": settings.kafka_sasl_password,
        "ssl.ca.location": settings.kafka_ssl_ca,
    }
    file = read_options(read_path(settings.kafka_config)) if settings.kafka_config else {}
    return {**file, **{name: value for name, value in named.items() if value}, **settings.kafka_option}


def make_gains(settings: Settings) -> Gains:
    """What every answer is multiplied by and raised by. Raises ConfigurationError."""
    try:
        return Gains(settings.gains, settings.offsets)
    except InvalidRequest as error:
        raise ConfigurationError(str(error)) from error


def make_limits(settings: Settings) -> Limits:
    """How much sound is accepted."""
    return Limits(settings.max_seconds, queued_bytes=job_bytes(settings.max_message_mib))


def make_intake(settings: Settings, decoders: Decoders | None = None) -> Intake:
    """What is accepted; without `decoders` it is decoded in this process: a file of the user's own."""
    return Intake(make_limits(settings), make_gains(settings), decoders.prepare if decoders else prepare)


def make_guard(settings: Settings) -> Guard:
    """How the server's port is guarded."""
    authority = _to_path(settings.tls_client_ca)
    tls = Tls(Path(settings.tls_cert), Path(settings.tls_key), authority) if settings.tls_cert else None
    return Guard(
        tls,
        _to_path(settings.token_file),
        max_receive_bytes=settings.max_receive_mib * 2**20,
        max_concurrent_rpcs=settings.max_concurrent_rpcs,
        max_connection_age=settings.max_connection_age,
        receive_seconds=settings.receive_seconds,
        quota=Quota(settings.client_requests, settings.client_seconds),
        reflection=settings.reflection,
    )


def _to_path(text: str) -> Path | None:
    return read_path(text) if text else None


def load_engine(settings: Settings) -> Engine | WindowEngine:
    """The engine, loaded and warm."""
    device, precision = cast(Device, settings.device), cast(Precision, settings.precision)
    return open_engine(settings.engine, settings.model_path, device, precision, DEFAULT_CHECKPOINT)


def check(settings: Settings) -> None:
    """Raise what is wrong with the engine's settings and can be told without loading it."""
    device, precision = cast(Device, settings.device), cast(Precision, settings.precision)
    check_engine(settings.engine, settings.model_path, device, precision, DEFAULT_CHECKPOINT)


def make_worker(
    settings: Settings,
    consumer: Consumer,
    pipeline: Pipeline,
    stop: Event,
    alive: Callable[[float], object] = lambda seconds: None,
) -> Worker:
    """A worker on an open consumer."""
    metrics.say_build(pipeline.engine.card)
    return Worker(
        consumer,
        pipeline,
        stop,
        drain_seconds=settings.drain_seconds,
        hang_seconds=settings.hang_seconds,
        letter_bytes=letter_bytes(settings.max_message_mib),
        alive=alive,
    )
