"""A broker that is gone, hangs or has no room, seen from the server's end: it says so at once and never hangs."""

import resource
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from emotalk.errors import QueueUnavailable
from emotalk.queues.base import Record
from emotalk.queues.kafka import KafkaQueue
from emotalk.queues.kafka.producer import KafkaProducer
from tests.kafka.broker import Broker
from tests.kafka.lent import lent

pytestmark = pytest.mark.kafka

PATIENCE = 30.0
# Far beyond the patience of these tests: what is heard within it was not heard by waiting for these.
SLOW = {"delivery.timeout.ms": "600000", "request.timeout.ms": "300000", "socket.timeout.ms": "300000"}


@pytest.fixture
def mortal() -> Iterator[Broker]:
    """A broker of this test's own."""
    yield from lent(Broker())


@pytest.fixture
def queue(mortal: Broker) -> Iterator[KafkaQueue]:
    queue = KafkaQueue(mortal.bootstrap, settings=SLOW)
    queue.prepare()
    yield queue
    if not mortal.running:
        mortal.start()
    queue.close()


def request(name: str, payload: bytes = b"voice") -> Record:
    return Record(name, name, "digest", payload)


# Asks who works and hears nothing; then asks for a while: by its end the first client would have found its broker.
ASKS_AGAIN = """
import sys
from emotalk.errors import QueueUnavailable
from emotalk.queues.kafka.claims.group import find_manned
from emotalk.queues.kafka.client.cluster import Cluster
cluster = Cluster(sys.argv[1])
try:
    find_manned(cluster)
except QueueUnavailable as silence:
    print(silence, flush=True)
sys.stdin.readline()
print([find_manned(cluster) for _ in range(40)][-1])
"""


def refused(producer: KafkaProducer, name: str) -> str:
    """What the append is refused with. It comes in a thread, so that one that hangs fails the test and not the run."""
    thread = ThreadPoolExecutor(1)
    try:
        error = thread.submit(producer.append, request(name)).exception(PATIENCE)
    finally:
        thread.shutdown(wait=False)
    assert isinstance(error, QueueUnavailable)
    return str(error)


def accepted(producer: KafkaProducer, name: str) -> None:
    """Repeat until it is stored, as a client does that is told to."""
    while True:
        try:
            producer.append(request(name))
        except QueueUnavailable:
            continue
        return


def test_a_submit_to_a_broker_that_has_died_is_refused_at_once_and_safe_to_repeat(
    mortal: Broker, queue: KafkaQueue
) -> None:
    producer = queue.producer()
    accepted(producer, "before")
    mortal.kill()
    assert refused(producer, "first")
    assert refused(producer, "second")
    mortal.start()
    accepted(producer, "first")
    worker = queue.consumer("")
    seen = []
    while (claim := worker.claim(3.0 if "first" in seen else PATIENCE)) is not None:
        seen.append(claim.request.request_id)
        worker.complete(claim)
    # Of unknown outcome: the refused ones may have been stored when the broker came back, and none of them is lost.
    assert {"before", "first"} <= set(seen) <= {"before", "first", "second"}


def test_a_submit_to_a_broker_that_hangs_is_refused_once_a_probe_has_found_out(
    mortal: Broker, queue: KafkaQueue
) -> None:
    producer = queue.producer()
    accepted(producer, "before")
    mortal.pause()
    try:
        with pytest.raises(QueueUnavailable):
            producer.ping()
        assert refused(producer, "first")
    finally:
        mortal.resume()
    accepted(producer, "first")


def test_a_broker_whose_disk_is_full_refuses_and_takes_requests_again_once_there_is_room(
    mortal: Broker, queue: KafkaQueue
) -> None:
    """Kafka ends itself when it cannot write to its only log folder; the limit on a file's size stands for the disk."""
    producer = queue.producer()
    accepted(producer, "before")
    resource.prlimit(mortal.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    assert refused(producer, "first")
    with pytest.raises(QueueUnavailable):
        producer.ping()
    mortal.restart()
    accepted(producer, "first")


@pytest.mark.usefixtures("queue")
def test_a_coordinator_that_comes_back_to_a_question_that_was_given_up_does_not_end_the_process(mortal: Broker) -> None:
    """In a process of its own: librdkafka would end it (its issue 4605)."""
    mortal.pause()
    command = [sys.executable, "-c", ASKS_AGAIN, mortal.bootstrap]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as asking:
        assert asking.stdin
        assert asking.stdout
        assert "nobody answers for the group" in asking.stdout.readline()
        mortal.resume()
        told, _ = asking.communicate("again\n", PATIENCE)
    assert (told, asking.returncode) == ("set()\n", 0)
