"""The whole service on a real broker: the same promises as on the embedded queue."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from confluent_kafka import Consumer, TopicPartition

from emotalk.client import EmoTalkClient, Request
from emotalk.queues.base import GROUP, REQUESTS_TOPIC
from tests.integration.served import PATIENCE, command, eventually, outside, speech
from tests.kafka.broker import Broker, free_ports

pytestmark = pytest.mark.kafka


def progress(broker: Broker) -> tuple[int, int]:
    """How many requests are done, and how many were ever stored."""
    kafka = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": GROUP, "enable.auto.commit": False})
    try:
        (place,) = kafka.committed([TopicPartition(REQUESTS_TOPIC, 0)], timeout=PATIENCE)
        _, end = kafka.get_watermark_offsets(place, timeout=PATIENCE)
        return max(0, place.offset), int(end)
    finally:
        kafka.close()


def all_done(broker: Broker) -> bool:
    done, stored = progress(broker)
    return done == stored


def test_a_worker_is_killed_on_kafka_and_every_client_gets_each_frame_once(
    kafka_broker: Broker, tmp_path: Path
) -> None:
    address = f"kafka://{kafka_broker.bootstrap}"
    with outside(tmp_path, "serve", "--port", "0", "--engine", "tone", "--queue", address) as server:
        port, victim = server.port, server.worker_pid

        def ask(number: int) -> list[int]:
            with EmoTalkClient(port=port, timeout=2 * PATIENCE) as client:
                chunks = list(client.stream(Request(speech(60.0 + number))))
            return np.concatenate([c.first_frame + np.arange(len(c.frames)) for c in chunks]).tolist()

        with ThreadPoolExecutor(5) as pool:
            answers = [pool.submit(ask, number) for number in range(5)]
            server.says("(start) ")
            os.kill(victim, signal.SIGKILL)
            for number, answer in enumerate(answers):
                assert answer.result(2 * PATIENCE) == list(range(1800 + 30 * number))
        assert server.says(r"worker warm pid=(\d+)", times=2) != str(victim)
        eventually(lambda: all_done(kafka_broker))
        assert server.end() == 0


def test_served_through_kafka_and_animated_alone_agree_to_the_byte(kafka_broker: Broker, tmp_path: Path) -> None:
    (tmp_path / "in.wav").write_bytes(speech(8.35))
    alone = command(tmp_path, "animate", "in.wav", "-o", "alone.npy", "--engine", "tone", "--seed", "the id")
    assert alone.returncode == 0, alone.stderr
    address = f"kafka://{kafka_broker.bootstrap}"
    with outside(tmp_path, "work", "--engine", "tone", "--queue", address) as worker:
        worker.says("(working) ")
        sent = command(
            tmp_path, "submit", "--audio", "in.wav", "-o", "sent.npy", "--request-id", "the id", "--queue", address
        )
    assert sent.returncode == 0, sent.stderr
    assert (tmp_path / "alone.npy").read_bytes() == (tmp_path / "sent.npy").read_bytes()


def test_clients_of_a_killed_server_find_their_requests_in_the_log_and_double_none(
    kafka_broker: Broker, tmp_path: Path
) -> None:
    # A broker of its own: on the shared one the group may still count a worker of another test as alive.
    with Broker() as broker:
        double_none(broker, tmp_path)


def double_none(broker: Broker, tmp_path: Path) -> None:
    address = f"kafka://{broker.bootstrap}"
    port, *_ = free_ports(1)
    serve = ("serve", "--no-worker", "--port", str(port), "--queue", address)
    with outside(tmp_path, *serve) as first, ThreadPoolExecutor(4) as pool:

        def ask(number: int) -> int:
            with EmoTalkClient(port=port, timeout=2 * PATIENCE) as client:
                request = Request(speech(1.0 + number), request_id=f"{tmp_path.name}-{number}")
                return sum(len(chunk.frames) for chunk in client.stream(request))

        answers = [pool.submit(ask, number) for number in range(4)]
        first.says("(accept) ", times=4)
        _, stored = progress(broker)
        first.process.kill()
        with outside(tmp_path, *serve) as second:
            second.says("(follow) ", times=4)
            with outside(tmp_path, "work", "--engine", "tone", "--queue", address):
                for number, answer in enumerate(answers):
                    assert answer.result(2 * PATIENCE) == 30 * (1 + number)
                eventually(lambda: all_done(broker))
        assert progress(broker)[1] == stored
