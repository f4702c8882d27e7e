"""Those who watch a campaign see what there is to see: logs, calls, queues, connections."""

import os
import random
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import numpy as np
import pytest

from emotalk.address import Address
from emotalk.errors import QueueFull
from emotalk.face import BLENDSHAPES
from emotalk.jobs import Failure, Part
from emotalk.jobs.codec import encode_part
from emotalk.queues.base import Claim, Consumer, Queue, Record
from emotalk.queues.kafka import KafkaQueue
from emotalk.queues.sqlite import SqliteQueue
from emotalk.queues.sqlite.connection import Connection
from tests.chaos.audit import Audit, KafkaAudit, SqliteAudit
from tests.chaos.grounds import SqliteGround
from tests.chaos.poisoned import FULL, fill_the_disk_on_demand
from tests.chaos.programs import Hand, Log
from tests.chaos.strays import adopt_orphans, descendants, strays
from tests.chaos.wire import Wire
from tests.chaos.witness import Witness
from tests.kafka.broker import Broker

START = '{"event": "start", "request_id": "a", "attempt": 2}\n'


@pytest.mark.parametrize("event", ["finish", "job buried", "given back", "claim lost", "working"])
def test_a_worker_has_a_job_in_its_hands_from_its_start_line_until_it_lets_go(tmp_path: Path, event: str) -> None:
    log = Log(tmp_path / "log")
    log.file.write_text("no line of ours\n" + START)
    assert log.follow().hand == Hand("a", 2)
    with log.file.open("a") as file:
        file.write(f'{{"event": "{event}", "request_id": "a"')
        file.flush()
        assert log.follow().hand == Hand("a", 2), "the line is not whole yet"
        file.write("}\n")
    assert log.follow().hand is None
    assert [line["event"] for line in log.lines] == ["start", event]


def test_a_job_that_waits_for_its_next_attempt_is_in_hand(tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    log.file.write_text(START + START.replace("start", "retry"))
    assert log.follow().hand == Hand("a", 2)


def test_the_witness_hears_every_response_of_every_call() -> None:
    witness = Witness()
    responses = [
        SimpleNamespace(frames=[SimpleNamespace(frame_number=7)] * 3, is_final=False),
        SimpleNamespace(frames=[], is_final=False, error_message="no"),
        SimpleNamespace(frames=[SimpleNamespace(frame_number=10)], is_final=False),
        SimpleNamespace(frames=[], is_final=True),
    ]
    asked = SimpleNamespace(request_id="a", from_frame=7)
    assert list(witness.intercept_unary_stream(lambda *_: iter(responses), None, asked)) == responses
    [call] = witness.calls
    assert (call.request_id, call.start, call.spans) == ("a", 7, [(7, 3, False), (10, 1, False), (11, 0, True)])


def test_a_cut_connection_ends_at_once_and_the_next_one_reaches_the_next_server() -> None:
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    for number, server in enumerate(servers):
        threading.Thread(target=_greet, args=(server, b"%d" % number), daemon=True).start()
    with Wire([Address(*server.getsockname()) for server in servers], nullcontext).running() as wire:
        first = socket.create_connection(("127.0.0.1", wire.port), 10)
        assert first.recv(1) == b"0"
        wire.cut(random.Random(1), 1.0)
        assert _ended(first)
        with socket.create_connection(("127.0.0.1", wire.port), 10) as second:
            assert second.recv(1) == b"1"
    for server in servers:
        server.close()


def _greet(server: socket.socket, word: bytes) -> None:
    held = []
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        connection.sendall(word)
        held.append(connection)


def _ended(connection: socket.socket) -> bool:
    with connection:
        try:
            return connection.recv(1) == b""
        except ConnectionResetError:
            return True


def test_a_disk_can_be_full_where_nobody_may_mount_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "write", Connection.write)  # put back afterwards
    ground = SqliteGround(tmp_path, mounted=False)
    fill_the_disk_on_demand(Path(ground.environment[FULL]))
    queue = SqliteQueue(tmp_path / "queue.db")
    producer = queue.producer()
    ground.fill()
    with pytest.raises(QueueFull):
        producer.append(Record("one", "", "digest", bytes(10**6), {}))
    ground.empty()
    assert producer.append(Record("one", "", "digest", bytes(10**6), {})).offset == 0
    queue.close()


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Iterator[tuple[Queue, Audit]]:
    queue = SqliteQueue(tmp_path / "queue.db")
    queue.prepare()
    yield from _with(queue, SqliteAudit(tmp_path / "queue.db"))


@pytest.fixture
def on_kafka(kafka_broker: Broker) -> Iterator[tuple[Queue, Audit]]:
    prefix = f"{uuid4().hex[:8]}-"
    queue = KafkaQueue(kafka_broker.bootstrap, prefix=prefix)
    queue.prepare()
    yield from _with(queue, KafkaAudit(kafka_broker.bootstrap, prefix))


def _with(queue: Queue, audit: Audit) -> Iterator[tuple[Queue, Audit]]:
    try:
        yield queue, audit
    finally:
        audit.close()
        queue.close()


@pytest.fixture(params=["on_sqlite", pytest.param("on_kafka", marks=pytest.mark.kafka)])
def audited(request: pytest.FixtureRequest) -> tuple[Queue, Audit]:
    found: tuple[Queue, Audit] = request.getfixturevalue(request.param)
    return found


def test_an_audit_tells_what_is_committed_ahead_of_its_results_and_what_is_left(audited: tuple[Queue, Audit]) -> None:
    queue, audit = audited
    producer, consumer = queue.producer(), queue.consumer("")
    for name in ("whole", "half", "waits"):
        producer.append(Record(name, "", "digest", b"voice", {}))
    _work(consumer, "whole", 2)
    assert audit.ahead() == []
    _work(consumer, "half", 1)
    [ahead] = audit.ahead()
    assert "half is committed with 10 frames" in ahead
    assert audit.left()
    claim = _claimed(consumer, "waits")
    failure = Part("waits", "tone-1", failure=Failure("EngineError", "poison"))
    consumer.bury(claim, b"letter", "poison", [encode_part(failure)])
    assert (audit.buried(), audit.left()) == ({"waits"}, [])


def _work(consumer: Consumer, name: str, parts: int) -> None:
    claim = _claimed(consumer, name)
    for number in range(parts):
        frames = np.zeros((10, BLENDSHAPES), np.float32)
        part = Part(name, "tone-1", number, 10 * number, 20, ends_chunk=True, frames=frames)
        consumer.publish(claim, [encode_part(part)])
    consumer.complete(claim)


def _claimed(consumer: Consumer, name: str) -> Claim:
    while (claim := consumer.claim(10.0)) is None:
        pass
    assert claim.request.request_id == name
    consumer.begin(claim, 1)
    return claim


def test_a_process_that_outlives_who_started_it_is_seen_whatever_its_environment() -> None:
    adopt_orphans()
    before = descendants()
    leave_one = (
        "import subprocess, sys; words = [sys.executable, '-c', 'input()'];"
        "print(subprocess.Popen(words, stdin=sys.stdin, stdout=subprocess.DEVNULL, env={}).pid)"
    )
    with subprocess.Popen([sys.executable, "-c", leave_one], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        orphan = int(parent.stdout.readline())
        parent.wait()
        [stray] = strays(before)
        assert f"process {orphan}:" in stray
    os.waitpid(orphan, 0)
    assert strays(before) == []
