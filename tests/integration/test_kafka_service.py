"""The whole service on a real broker: the same promises as on the embedded queue."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from confluent_kafka import Consumer, TopicPartition
from served import PATIENCE, command, eventually, outside, speech

from emotalk.client import EmoTalkClient, Request
from emotalk.queues.base import GROUP, REQUESTS_TOPIC
from tests.kafka.broker import Broker

pytestmark = pytest.mark.kafka


def uncommitted(broker: Broker) -> int:
    """Requests that stand in the log and are not yet done."""
    kafka = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": GROUP, "enable.auto.commit": False})
    try:
        (place,) = kafka.committed([TopicPartition(REQUESTS_TOPIC, 0)], timeout=PATIENCE)
        _, end = kafka.get_watermark_offsets(place, timeout=PATIENCE)
        return int(end - max(0, place.offset))
    finally:
        kafka.close()


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
        eventually(lambda: uncommitted(kafka_broker) == 0)
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
