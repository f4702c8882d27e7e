"""The least that each promise costs here: a bare fsync, a bare produce-consume round trip, a bare gRPC call.

Each is called between two measured requests, so that a noisy moment falls on both.
"""

import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import grpc
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

Floor = Callable[[], float]
"""Does the bare thing once and returns the seconds that it took."""

LARGEST = 64 * 2**20
COMMON: dict[str, str | int | float | bool] = {"socket.nagle.disable": True, "log_level": 0}
"""What every bare client of Kafka has in common with ours."""


def fsync_floor(folder: Path, payload: bytes) -> Floor:
    """Append `payload` to a file in `folder` and fsync it."""
    file = os.open(folder / f"floor-{uuid.uuid4().hex}", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)

    def once() -> float:
        since = time.perf_counter()
        os.write(file, payload)
        os.fsync(file)
        return time.perf_counter() - since

    return once


def kafka_floor(bootstrap: str, payload: bytes) -> Floor:
    """Produce `payload` with acks=all and consume it by assignment, with nothing in between and no linger."""
    topic = f"bench-floor-{uuid.uuid4().hex[:8]}"
    make_topic(bootstrap, topic)
    own = {"acks": "all", "linger.ms": 0, "message.max.bytes": LARGEST}
    producer, consumer = Producer({**COMMON, **own, "bootstrap.servers": bootstrap}), bare_reader(bootstrap, topic)

    def once() -> float:
        since = time.perf_counter()
        producer.produce(topic, payload)
        while (message := consumer.poll(10)) is None or message.error():
            if time.perf_counter() - since > 30:
                raise RuntimeError(f"Kafka at {bootstrap} does not return what was written to it")
        taken = time.perf_counter() - since
        producer.flush(10)
        return taken

    once()
    return once


def make_topic(bootstrap: str, topic: str) -> None:
    """One partition, one replica, room for a large record."""
    admin = AdminClient({**COMMON, "bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, 1, 1, config={"max.message.bytes": str(LARGEST)})])[topic].result(timeout=30)


def bare_reader(bootstrap: str, topic: str) -> Consumer:
    """Reads the topic's one partition by assignment, from its beginning; it has asked for it when this returns."""
    own = {"group.id": topic, "enable.auto.commit": False, "fetch.max.bytes": LARGEST}
    consumer = Consumer({**COMMON, **own, "bootstrap.servers": bootstrap})
    consumer.assign([TopicPartition(topic, 0, 0)])
    consumer.poll(0.5)
    return consumer


def grpc_floor(channel: grpc.Channel, request: bytes, answer: bytes) -> Floor:
    """One call to a server that returns a stored answer at once (bench.processes, `echo`), bytes in, bytes out."""
    call = channel.unary_stream("/bench.Floor/Echo", request_serializer=None, response_deserializer=None)

    def once() -> float:
        since = time.perf_counter()
        [answered] = call(request)
        assert answered == answer
        return time.perf_counter() - since

    return once
