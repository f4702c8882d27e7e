"""A file that an earlier version wrote, and a program of that version that still has it open."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from emotalk.errors import RequestConflict
from emotalk.queues.base import Record
from emotalk.queues.sqlite import SqliteQueue

# Four requests: done, buried, in the hands of a worker that died in its second attempt, queued. Written once, by the
# version of format 1, and never again: a new format adds a file.
YESTERDAY = Path(__file__).parent / "data" / "sqlite" / "v1.db"
NOW = 1_800_000_100.0


def request(request_id: str, digest: str = "") -> Record:
    return Record(request_id, "session", digest or f"digest of {request_id}", b"voice", {})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return Path(shutil.copy(YESTERDAY, tmp_path / "q.db"))


def opened(path: Path) -> SqliteQueue:
    return SqliteQueue(path, clock=lambda: NOW)


def test_nothing_of_yesterday_is_lost(path: Path) -> None:
    queue = opened(path)
    ledger, results = queue.ledger(), queue.results()
    rows = {row.request_id: row for row in ledger.rows()}
    assert {name: (row.state, row.attempts, row.epoch) for name, row in rows.items()} == {
        "hand": ("queued", 2, 1),
        "queued": ("queued", 0, 1),
        "done": ("done", 1, 1),
        "buried": ("dead", 5, 1),
    }
    assert rows["buried"].error == "EngineError: NaN"
    assert ledger.payload(rows["buried"]) == b"letter"
    assert ledger.payload(rows["queued"]) == b"voice of queued"
    assert [each.payload for each in results.read("done", (0, 0), 9)] == [b"first", b"last"]
    queue.close()


def test_yesterdays_requests_are_worked_off_in_their_order(path: Path) -> None:
    queue = opened(path)
    consumer = queue.consumer("today")
    for name, attempts in (("hand", 2), ("queued", 0)):
        claim = consumer.claim(0)
        assert claim is not None
        assert (claim.request.request_id, claim.attempts, claim.epoch) == (name, attempts, 1)
        consumer.begin(claim, attempts + 1)
        consumer.complete(claim)
    assert consumer.claim(0) is None
    queue.close()


def test_yesterdays_ids_are_recognised(path: Path) -> None:
    queue = opened(path)
    producer = queue.producer()
    assert producer.append(request("done")).repeated
    assert producer.append(request("queued")).repeated
    with pytest.raises(RequestConflict):
        producer.append(request("done", "another"))
    assert producer.append(request("buried")).epoch == 2
    queue.close()


def test_yesterdays_requests_can_be_cancelled_and_its_letters_deleted(path: Path) -> None:
    queue = opened(path)
    ledger = queue.ledger()
    for name in ("hand", "queued"):
        row = ledger.find(name)
        assert row is not None
        assert ledger.cancel(row, [b"cancelled"]).state == "cancelled"
    assert ledger.delete("buried") == 1
    assert ledger.find("buried") is None
    claim = queue.consumer("today").claim(0)
    assert claim is None or claim.request.request_id == "hand"
    queue.close()


# What the version of format 1 says to a file that a newer program has brought to today's format meanwhile.
_APPEND = """
    INSERT INTO requests (partition, place, request_id, key, digest, headers, payload, appended_at)
    VALUES (0, 4, 'new', 'session', 'd', '{}', (SELECT max(id) FROM payloads), 1800000050)"""
_NEXT = "UPDATE lanes SET next = next + 1 WHERE partition = 0"
_COMPLETE = """
    UPDATE requests SET payload = NULL, finished_at = 1800000050, attempts =
    (SELECT attempts FROM lanes l WHERE l.partition = requests.partition) WHERE partition = 0 AND place = 2"""
_ADVANCE = "UPDATE lanes SET head = head + 1, attempts = 0, owner = NULL, kept_at = 0, lease = 0 WHERE partition = 0"
_LETTER = """
    INSERT INTO dead_letters (request_id, partition, place, attempts, headers, error, buried_at, letter)
    SELECT r.request_id, r.partition, r.place, l.attempts, r.headers, 'error', 1800000060, x'00'
    FROM requests r JOIN lanes l ON l.partition = r.partition WHERE r.partition = 0 AND r.place = 3"""
_DELETE = "DELETE FROM requests WHERE partition = 0 AND place = 3"


def test_a_program_of_yesterday_goes_on_writing_while_the_others_are_of_today(path: Path) -> None:
    queue = opened(path)
    ledger = queue.ledger()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in (_APPEND, _NEXT, _COMPLETE, _ADVANCE, _LETTER, _DELETE, _ADVANCE):
            db.execute(statement)
    states = {row.request_id: (row.state, row.epoch) for row in ledger.rows()}
    assert states["hand"] == ("done", 1)
    assert states["queued"] == ("dead", 1)
    assert states["new"] == ("queued", 1)
    claim = queue.consumer("today").claim(0)
    assert claim is not None
    assert claim.request.request_id == "new"
    queue.close()


def test_a_worker_of_yesterday_is_led_past_what_was_cancelled_before_it(path: Path) -> None:
    queue = opened(path)
    ledger, producer = queue.ledger(), queue.producer()
    row = ledger.find("queued")
    assert row is not None
    ledger.cancel(row, [])
    producer.append(request("new"))
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(_COMPLETE)
        db.execute(_ADVANCE)
        assert db.execute("SELECT head FROM lanes").fetchall() == [(3,)]
        producer.ping()  # as a server of today does every two seconds
        assert db.execute("SELECT head FROM lanes").fetchall() == [(4,)]
    queue.close()
