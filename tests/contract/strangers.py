"""Nearly valid records of every kind, and the hands that write them into a log past every producer of ours."""

import json
import random
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from emotalk.errors import EmoTalkError, NewerRecord
from emotalk.jobs import DeadLetter, Failure, Part
from emotalk.jobs.codec import decode_job, encode_job, encode_letter, encode_part
from emotalk.jobs.intake import as_request
from emotalk.queues.base import STATES, Queue, Record
from emotalk.queues.kafka.job_notes.notes import KINDS, Note, encode_note
from emotalk.wire import records_pb2
from tests.fuzz.mutate import mutated, with_other_fields
from tests.unit.stage import job

DEEP, LONG = "[" * 100_000, "9" * 5000
TEXTS = (
    "", "zz", "x", "inf", "nan", "-inf", "1e400", "-1", LONG, DEEP, "{}", "[]", "null", "{'a': 1}", "a\0wish",
    "\n\x1b[2J", "é" * 300, "\u202eabc", '{"frames": null}', '{"frames": {"a": [1]}}',
    '{"seconds": "inf", "submitted_at": "zz"}',
)  # fmt: skip
CELLS = (*TEXTS, 0, -1, 2**31, 2**63 - 1, -(2**63), 1e300, float("inf"), b"", b"\xff\xfe", b"\0" * 8, b"\xff" * 300)
VALUES: tuple[object, ...] = (
    None, True, "", "zz", LONG, -1, 0, 2**31, 2**70, 1e300, float("inf"), float("nan"), [], {}, [1], ["x", 2],
    [0, 2**70],
)  # fmt: skip
NAMES = ("frames", "seconds", "submitted_at", "retried_at", "client", "traceparent", "tracestate", "state", "attempts",
         "epoch", "partition", "offset", "error", "digest", "request_id")  # fmt: skip


def headers(draw: random.Random) -> dict[str, str]:
    """A few that we write ourselves, with what nobody should write there."""
    return {draw.choice(NAMES): draw.choice(TEXTS) for _ in range(draw.randint(0, 4))}


def payload(draw: random.Random, request_id: str) -> bytes:
    """A job that is none, or one whose fields say what cannot be; never a later version's, which waits for that."""
    whole = encode_job(job(request_id, 0.5))
    while True:
        made = draw.choice((_noise, _other_fields))(whole, draw)
        try:
            decode_job(made)
        except NewerRecord:
            continue
        except EmoTalkError:
            pass
        return made


def _noise(whole: bytes, draw: random.Random) -> bytes:
    return draw.choice((b"", b"noise", DEEP.encode(), whole[:7], whole[:-20], mutated([whole], draw)))


def _other_fields(whole: bytes, draw: random.Random) -> bytes:
    message = records_pb2.Job.FromString(whole[6:])
    return whole[:6] + with_other_fields(message, draw).SerializeToString()


def request(draw: random.Random, request_id: str) -> Record:
    """As a program of ours would append it."""
    return replace(as_request(job(request_id)), payload=payload(draw, request_id), headers=headers(draw))


def result(draw: random.Random, request_id: str) -> bytes:
    """A part of somebody else's answer, or of none."""
    whole = encode_part(Part(draw.choice(("another", "")), "tone-1", 0, 0, 30, True))
    return draw.choice((b"", b"noise", DEEP.encode(), whole, whole[:9], b"EMTKP\0" + whole, request_id.encode()))


def letter(draw: random.Random) -> bytes:
    """A dead letter that nobody of ours has written."""
    whole = encode_letter(DeadLetter("one", b"voice", Failure("EngineError", "NaN"), 5, 1.8e9, 0, 7))
    return draw.choice((b"noise", DEEP.encode(), whole[:9], mutated([whole], draw)))


def note(draw: random.Random) -> bytes:
    """A note about a job with one thing wrong, or no note at all."""
    whole = json.loads(
        encode_note(Note(1, "running", 0, 5, "d", {"seconds": "1.5"}, 1, first=(0, 4), started_at=1.8e9))
    )
    if draw.random() < 0.3:
        return draw.choice(TEXTS).encode() or b"noise"
    return json.dumps({**whole, draw.choice([*asdict(Note(1, "dead", 0, 5)), "state"]): draw.choice(VALUES)}).encode()


def into_memory(queue: Queue, draw: random.Random, good: list[str]) -> None:
    """What one process can do to itself."""
    store: Any = queue._store  # type: ignore[attr-defined]
    with store.hold():
        store.write(draw.choice(["stranger", *good]), [result(draw, "stranger")])


def into_sqlite(path: Path) -> Callable[[Queue, random.Random, list[str]], None]:
    """With a shell and an editor for databases."""

    def write(_: Queue, draw: random.Random, good: list[str]) -> None:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as db, suppress(sqlite3.IntegrityError):
            draw.choice((_row, _spoilt_row, _lost_payload, _result, _dead_letter, _bell))(db, draw, good)

    return write


def _insert(db: sqlite3.Connection, table: str, row: Mapping[str, object]) -> int:
    marks = ", ".join("?" * len(row))
    return db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", tuple(row.values())).lastrowid or 0


def _spoilt(row: Mapping[str, object], draw: random.Random, *but: str) -> dict[str, object]:
    return {**row, draw.choice([name for name in row if name not in but]): draw.choice(CELLS)}


def _row(db: sqlite3.Connection, draw: random.Random, _: list[str]) -> None:
    """A request of their own, at the end of the lane; the lane need not know."""
    (place,) = db.execute("SELECT max(next, coalesce((SELECT max(place) + 1 FROM requests), 0)) FROM lanes").fetchone()
    name = f"stranger-{place}"
    sound = _insert(db, "payloads", {"payload": draw.choice((payload(draw, name), *CELLS))})
    row: dict[str, object] = {
        "partition": 0, "place": place, "request_id": name, "key": "k", "digest": "d", "payload": sound,
        "headers": json.dumps(headers(draw)), "appended_at": 1.8e9, "attempts": 0, "epoch": 1,
        "started_at": 0.0, "ended": "", "error": "",
    }  # fmt: skip
    _insert(db, "requests", _spoilt(row, draw, "partition", "place"))
    if draw.random() < 0.7:
        db.execute("UPDATE lanes SET next = ?", (place + 1,))


_COLUMNS = (
    "request_id",
    "key",
    "digest",
    "headers",
    "payload",
    "appended_at",
    "attempts",
    "epoch",
    "started_at",
    "error",
)


def _strangers(db: sqlite3.Connection) -> list[int]:
    found = db.execute(
        "SELECT place FROM requests WHERE request_id LIKE 'stranger%' AND finished_at IS NULL"
    ).fetchall()
    return [place for (place,) in found]


def _spoilt_row(db: sqlite3.Connection, draw: random.Random, _: list[str]) -> None:
    for place in _strangers(db)[:1]:
        db.execute(f"UPDATE requests SET {draw.choice(_COLUMNS)} = ? WHERE place = ?", (draw.choice(CELLS), place))


def _lost_payload(db: sqlite3.Connection, draw: random.Random, _: list[str]) -> None:
    for place in _strangers(db)[:1]:
        db.execute("DELETE FROM payloads WHERE id = (SELECT payload FROM requests WHERE place = ?)", (place,))


def _result(db: sqlite3.Connection, draw: random.Random, good: list[str]) -> None:
    name = draw.choice(["stranger", *good])
    row: dict[str, object] = {"request_id": name, "written_at": 1.8e9, "payload": result(draw, name)}
    _insert(db, "results", row if draw.random() < 0.5 else _spoilt(row, draw))


def _dead_letter(db: sqlite3.Connection, draw: random.Random, _: list[str]) -> None:
    row: dict[str, object] = {
        "request_id": "stranger", "partition": 0, "place": 99, "attempts": 5, "headers": json.dumps(headers(draw)),
        "error": "NaN", "buried_at": 1.8e9, "letter": letter(draw), "epoch": 1, "digest": "d", "started_at": 0.0,
    }  # fmt: skip
    _insert(db, "dead_letters", _spoilt(row, draw))


def _bell(db: sqlite3.Connection, draw: random.Random, _: list[str]) -> None:
    _insert(
        db, "bells", {"port": draw.choice((0, -1, 70_000, 2**40)), "topic": draw.choice(("requests", "results", "zz"))}
    )


def into_kafka(bootstrap: str, prefix: str) -> Callable[[Queue, random.Random, list[str]], None]:
    """With any client, in any language."""
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": bootstrap, "message.max.bytes": 2**26})

    def write(_: Queue, draw: random.Random, good: list[str]) -> None:
        topic, key, value = draw.choice((_kafka_request, _kafka_result, _kafka_letter, _kafka_note))(draw, good)
        own: list[tuple[str, str | bytes | None]] = [(name, said.encode()) for name, said in headers(draw).items()]
        own += draw.choice(_identities(draw, good))
        producer.produce(prefix + topic, value, key, headers=own)
        assert producer.flush(30) == 0

    return write


def _identities(draw: random.Random, good: list[str]) -> list[list[tuple[str, str | bytes | None]]]:
    """No id, one that is none, and those of good jobs, with and without saying of what content."""
    taken = draw.choice(good).encode()
    noise: list[tuple[str, str | bytes | None]] = [("request_id", draw.choice((b"\xff\xfe", b"\0", b"\xff" * 300)))]
    return [
        [("empty", None)],
        noise,
        [("request_id", taken)],
        [("request_id", taken), ("digest", b"zz"), ("epoch", b"1")],
    ]


_Outgoing = tuple[str, bytes | None, bytes | None]


def _kafka_request(draw: random.Random, _: list[str]) -> _Outgoing:
    return "audio-requests", draw.choice((None, b"\xff", b"k")), draw.choice((None, payload(draw, "stranger")))


def _kafka_result(draw: random.Random, good: list[str]) -> _Outgoing:
    name = draw.choice(["stranger", *good])
    return "blendshape-results", draw.choice((None, b"\xff", name.encode())), draw.choice((None, result(draw, name)))


def _kafka_letter(draw: random.Random, _: list[str]) -> _Outgoing:
    return "audio-requests.dead", draw.choice((b"\xff\xfe", b"stranger", b"\0")), letter(draw)


def _kafka_note(draw: random.Random, _: list[str]) -> _Outgoing:
    name = draw.choice(("stranger", "s" * 3000, "", "\xff"))
    return "audio-jobs", (name + draw.choice(KINDS)).encode() or b"\0", draw.choice((None, note(draw)))


def states_of(rows: list[Any]) -> Iterator[str]:
    """Each is one that people know."""
    for row in rows:
        assert row.state in STATES
        yield row.state
