"""Topics that are deleted, and a disk that is wiped, under living processes: nobody waits for what is lost."""

import contextlib
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from emotalk.client import EmoTalkClient, Request
from emotalk.errors import UnknownJob
from emotalk.queues.base import DEAD_TOPIC, JOBS_TOPIC, REQUESTS_TOPIC, RESULTS_TOPIC
from tests.integration.served import PATIENCE, eventually, outside, speech
from tests.kafka.broker import Broker
from tests.kafka.lent import lent

pytestmark = pytest.mark.kafka

TOPICS = (REQUESTS_TOPIC, RESULTS_TOPIC, DEAD_TOPIC, JOBS_TOPIC)


@pytest.fixture(scope="module")
def mortal() -> Iterator[Broker]:
    """A broker that makes a topic for whoever asks for it, as Kafka does by default."""
    yield from lent(Broker({"auto.create.topics.enable": "true"}))


def delete(broker: Broker, *topics: str) -> None:
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    for answer in admin.delete_topics(list(topics)).values():
        answer.result(PATIENCE)


def wipe(broker: Broker) -> None:
    broker.kill()
    shutil.rmtree(broker.properties["log.dirs"])
    broker.start()


def test_who_waits_for_what_is_deleted_is_answered_all_the_same_and_an_old_id_is_not_silent(
    mortal: Broker, tmp_path: Path
) -> None:
    losses: dict[str, Callable[[], None]] = {
        "requests": lambda: delete(mortal, REQUESTS_TOPIC),
        "results": lambda: delete(mortal, RESULTS_TOPIC),
        "everything": lambda: delete(mortal, REQUESTS_TOPIC, RESULTS_TOPIC, DEAD_TOPIC, JOBS_TOPIC),
        "disk": lambda: wipe(mortal),
    }
    common = ("--queue", f"kafka://{mortal.bootstrap}")
    with (
        outside(tmp_path, "serve", "--no-worker", "--port", "0", "--partitions", "3", *common) as server,
        outside(tmp_path, "work", "--engine", "tone", *common) as worker,
        EmoTalkClient("127.0.0.1", server.port, timeout=120) as client,
        ThreadPoolExecutor() as pool,
    ):
        worker.says("(working) ")

        def frames(name: str, seconds: float) -> int:
            return sum(len(chunk.frames) for chunk in client.stream(Request(speech(seconds), request_id=name)))

        for times, (what, lose) in enumerate(losses.items(), 1):
            assert frames(f"before-{what}", 1.0) == 30
            os.kill(worker.process.pid, signal.SIGSTOP)
            waiting = pool.submit(frames, f"waiting-{what}", 2.0)
            server.says(f"(accept) request_id=waiting-{what} ")
            lose()
            server.says("(topics were deleted) ", times)
            os.kill(worker.process.pid, signal.SIGCONT)
            assert waiting.result(120) == 60
            with contextlib.suppress(UnknownJob):  # or done once more, where its request is still there
                assert sum(len(chunk.frames) for chunk in client.results(f"before-{what}")) == 30
            assert frames(f"before-{what}", 1.0) == 30
            eventually(client.health)
        admin = AdminClient({"bootstrap.servers": mortal.bootstrap})
        assert len(admin.list_topics(REQUESTS_TOPIC, timeout=PATIENCE).topics[REQUESTS_TOPIC].partitions) == 3
        assert not [line for line in server.log + worker.log if "Traceback" in line]
