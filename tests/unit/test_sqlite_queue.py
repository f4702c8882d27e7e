"""What only the embedded queue has: a file, its owner, its size, its versions, and other processes."""

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from emotalk.errors import ClaimLost, ConfigurationError, QueueFull, QueueUnavailable
from emotalk.limits import MAX_MESSAGE_BYTES
from emotalk.queues.base import RESULTS_KEPT_SECONDS, Record
from emotalk.queues.sqlite import SqliteQueue
from emotalk.queues.sqlite.doorbell import Doorbell, Ringer
from emotalk.queues.sqlite.place import refuse_network_disk
from emotalk.queues.sqlite.schema import MIGRATIONS

LOOP = Path(__file__).with_name("queue_loop.py")
VOICE = b"a voice that must not linger "


def request(request_id: str = "one", payload: bytes = VOICE) -> Record:
    return Record(request_id, "key", "digest", payload, {"seconds": "1"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "of its own" / "q.db"


@pytest.fixture
def queue(path: Path) -> Iterator[SqliteQueue]:
    queue = SqliteQueue(path)
    yield queue
    queue.close()


def bytes_on_disk(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")
def test_the_file_and_its_logs_are_readable_by_their_owner_alone(queue: SqliteQueue, path: Path) -> None:
    queue.producer().append(request())
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {"q.db": 0o600, "q.db-wal": 0o600, "q.db-shm": 0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_file_of_a_newer_version_is_refused(queue: SqliteQueue, path: Path) -> None:
    queue.prepare()
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(ConfigurationError, match="newer version of emotalk"):
        SqliteQueue(path).prepare()


def test_a_file_of_this_version_keeps_what_it_has(queue: SqliteQueue, path: Path) -> None:
    queue.producer().append(request())
    again = SqliteQueue(path)
    again.prepare()
    assert [row.request_id for row in again.jobs()] == ["one"]


def test_another_programs_database_is_left_alone(path: Path) -> None:
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE bookmarks (url TEXT)")
    with pytest.raises(ConfigurationError, match="another program's database"):
        SqliteQueue(path).prepare()


def test_a_file_that_is_no_database_is_named(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no database at all " * 1000)
    with pytest.raises(ConfigurationError, match=r"q\.db: is not a queue of emotalk"):
        SqliteQueue(path).prepare()


def test_a_folder_in_place_of_the_file_is_named(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(ConfigurationError, match=r"q\.db: cannot be opened for writing"):
        SqliteQueue(path).prepare()


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "9p", "fuse.sshfs"])
def test_a_network_disk_is_refused(tmp_path: Path, kind: str) -> None:
    mounts = tmp_path / "mounts"
    share = tmp_path / "a share"
    mounts.write_text(f"disk / ext4 rw 0 0\nserver:/x {str(share).replace(' ', chr(92) + '040')} {kind} rw 0 0\n")
    with pytest.raises(ConfigurationError, match="network file system"):
        refuse_network_disk(share / "q.db", mounts)
    refuse_network_disk(tmp_path / "q.db", mounts)


def test_a_full_queue_refuses_requests_and_still_answers_those_it_has(path: Path) -> None:
    queue = SqliteQueue(path, max_bytes=2**20)
    producer, consumer, results = queue.producer(), queue.consumer("worker"), queue.results()
    producer.ping()
    appended = 0
    with pytest.raises(QueueFull):  # noqa: PT012
        for appended in range(100):
            producer.append(request(f"{appended}", bytes(100_000)))
    assert 0 < appended < 11
    assert len(queue.jobs()) == appended
    for _ in range(appended):
        claim = consumer.claim(0)
        assert claim is not None
        consumer.publish(claim, [bytes(200_000)])
        consumer.complete(claim)
    assert len(results.read("0", (0, 0), 10)) == 1
    queue.close()


def test_a_queue_at_its_limit_says_so_when_asked(path: Path) -> None:
    queue = SqliteQueue(path, max_bytes=2**20)
    producer, consumer = queue.producer(), queue.consumer("worker")
    producer.append(request())
    claim = consumer.claim(0)
    assert claim is not None
    consumer.publish(claim, [bytes(2**20)])
    with pytest.raises(QueueFull, match="limit"):
        producer.ping()
    queue.close()


def test_a_file_that_was_replaced_under_a_server_is_noticed(queue: SqliteQueue, path: Path) -> None:
    producer = queue.producer()
    producer.ping()
    path.rename(path.with_suffix(".moved"))
    with pytest.raises(QueueUnavailable):
        producer.ping()


def test_a_file_that_is_locked_for_long_is_an_outage_that_ends(
    queue: SqliteQueue, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emotalk.queues.sqlite.connection._BUSY_MILLISECONDS", 1)
    queue.prepare()
    producer = queue.producer()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(QueueUnavailable, match="locked"):
            producer.append(request())
    assert not producer.append(request()).repeated


def test_a_voice_is_gone_from_the_disk_when_the_worker_has_a_moment(queue: SqliteQueue, path: Path) -> None:
    queue.producer().append(request(payload=VOICE * 1000))
    consumer = queue.consumer("worker")
    claim = consumer.claim(0)
    assert claim is not None
    assert VOICE in bytes_on_disk(path)
    consumer.complete(claim)
    consumer.claim(0.2)  # until nobody has rung for so long
    assert VOICE not in bytes_on_disk(path)


def test_the_file_shrinks_when_retention_ends(path: Path) -> None:
    now = [0.0]
    queue = SqliteQueue(path, clock=lambda: now[0])
    queue.producer().append(request(payload=bytes(2**20)))
    consumer = queue.consumer("worker")
    claim = consumer.claim(0)
    assert claim is not None
    consumer.publish(claim, [bytes(2**20)] * 3)
    consumer.complete(claim)
    consumer.housekeep()
    before = path.stat().st_size
    now[0] = RESULTS_KEPT_SECONDS + 1.0
    consumer.housekeep()
    assert path.stat().st_size < 2**17 < before
    assert queue.jobs() == []
    queue.close()


def test_a_burial_that_cannot_be_written_leaves_everything_as_it_was(queue: SqliteQueue, path: Path) -> None:
    queue.producer().append(request())
    consumer, results = queue.consumer("worker"), queue.results()
    claim = consumer.claim(0)
    assert claim is not None
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TRIGGER broken BEFORE INSERT ON results BEGIN SELECT RAISE(ABORT, 'broken'); END")
    with pytest.raises(sqlite3.IntegrityError, match="broken"):
        consumer.bury(claim, b"letter", "error", [b"failed"])
    assert [row.state for row in queue.jobs()] == ["running"]
    assert results.poll(0) == []
    consumer.keep(claim)


def test_a_worker_of_the_same_name_takes_over_at_once_and_the_old_one_is_fenced(path: Path) -> None:
    first, second = SqliteQueue(path), SqliteQueue(path)
    first.producer().append(request())
    old, new = first.consumer("worker"), second.consumer("worker")
    stale, claim = old.claim(0), new.claim(0)
    assert stale is not None
    assert claim is not None
    assert (claim.request, claim.token) == (stale.request, stale.token + 1)
    with pytest.raises(ClaimLost):
        old.publish(stale, [b"stale"])
    first.close()
    new.complete(claim)
    second.close()


def test_processes_that_create_the_file_at_once_do_not_get_in_each_others_way(path: Path) -> None:
    words = [
        sys.executable,
        "-c",
        "import sys; from pathlib import Path; from emotalk.queues.sqlite import SqliteQueue",
    ]
    words[-1] += "; SqliteQueue(Path(sys.argv[1])).prepare()"
    started = [subprocess.Popen([*words, str(path)]) for _ in range(3)]
    assert [process.wait(60) for process in started] == [0, 0, 0]


def test_threads_append_at_once_and_nothing_is_lost(queue: SqliteQueue) -> None:
    producer = queue.producer()
    with ThreadPoolExecutor(4) as pool:
        receipts = list(pool.map(lambda number: producer.append(request(f"{number}")), range(40)))
    assert sorted(receipt.offset for receipt in receipts) == list(range(40))
    assert len(queue.jobs()) == 40


def test_what_was_promised_before_a_kill_is_there_after_it(path: Path) -> None:
    said: set[tuple[str, str]] = set()
    for life in range(3):
        with subprocess.Popen(
            [sys.executable, str(LOOP), str(path), str(life * 1_000_000)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(100 + life)]
            process.kill()
            lines += [line for line in process.stdout if line.endswith("\n")]
        said |= {(word, request_id) for word, request_id in (line.split() for line in lines)}
    queue = SqliteQueue(path)
    rows = {row.request_id: row.state for row in queue.jobs()}
    results = queue.results()
    appended, published, completed = (
        {request_id for word, request_id in said if word == fact} for fact in ("appended", "published", "completed")
    )
    assert len(appended) > 100
    assert appended <= rows.keys()
    assert completed <= {request_id for request_id, state in rows.items() if state == "done"}
    for request_id in rows:
        answers = [result.payload for result in results.read(request_id, (0, 0), 100)]
        assert len(answers) % 3 == 0, "half a publish"
        assert answers == [b"a", b"b", b"c"] * (len(answers) // 3)
        assert answers or request_id not in published
    assert left_to_do(queue) == sorted((i for i, state in rows.items() if state != "done"), key=int)
    queue.close()


def left_to_do(queue: SqliteQueue) -> list[str]:
    """Work the queue off under the dead worker's name; the voices must be whole."""
    consumer, ids = queue.consumer("worker"), []
    while claim := consumer.claim(0):
        request_id = claim.request.request_id
        assert claim.request.payload == b"voice %d" % int(request_id) * 1000
        ids.append(request_id)
        consumer.complete(claim)
    return ids


def test_a_doorbell_rings_once_per_visit_and_forgets_what_it_was_told_to() -> None:
    bell, ringer = Doorbell(), Ringer()
    ringer.ring([bell.port])
    assert bell.wait(1.0)
    ringer.ring([bell.port])
    bell.hush()
    assert not bell.wait(0.001)
    bell.close()
    ringer.close()


def test_the_bells_of_killed_processes_are_taken_away(queue: SqliteQueue, path: Path) -> None:
    queue.prepare()
    dead = Doorbell()
    dead.close()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("INSERT INTO bells VALUES (?, 'requests')", (dead.port,))
    queue.results()
    with closing(sqlite3.connect(path)) as db:
        assert (dead.port,) not in db.execute("SELECT port FROM bells").fetchall()


def test_room_is_left_on_the_disk_for_the_worker_and_what_is_stored_is_still_recognised(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = SqliteQueue(path)
    producer = queue.producer()
    receipt = producer.append(request("before"))
    left = shutil.disk_usage(path)._replace(free=MAX_MESSAGE_BYTES)
    monkeypatch.setattr("emotalk.queues.sqlite.producer.shutil.disk_usage", lambda _: left)
    with pytest.raises(QueueFull, match="are left on its disk"):
        producer.append(request("after"))
    with pytest.raises(QueueFull, match="a moment ago"):
        producer.ping()
    again = producer.append(request("before"))
    assert (again.repeated, again.partition, again.offset) == (True, receipt.partition, receipt.offset)
    queue.close()


def test_voices_beside_a_file_that_is_held_open_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emotalk.queues.sqlite.producer.MOST_LOG_BYTES", 200_000)
    queue = SqliteQueue(tmp_path / "q.db")
    producer = queue.producer()
    producer.append(request("0"))
    with closing(sqlite3.connect(tmp_path / "q.db")) as browser:
        browser.execute("BEGIN")
        browser.execute("SELECT count(*) FROM requests").fetchone()
        voices = (Record(f"id-{number}", "key", "digest", bytes(30_000), {}) for number in range(100))
        with pytest.raises(QueueFull, match="another program reads the file"):
            deque(map(producer.append, voices), maxlen=0)
        with pytest.raises(QueueFull, match=r"Close that program"):
            producer.ping()
        assert (tmp_path / "q.db-wal").stat().st_size < 300_000
    producer.ping()
    producer.append(request("at last"))
    queue.close()


def test_a_program_that_holds_the_file_open_is_said_once_with_what_waits_for_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now = [1_000.0]
    queue = SqliteQueue(tmp_path / "q.db", clock=lambda: now[0])
    producer, consumer = queue.producer(), queue.consumer("worker")

    def finish_one(number: int) -> None:
        producer.append(Record(f"id-{number}", "key", "digest", bytes(4_096), {}))
        claim = consumer.claim(0.0)
        assert claim is not None
        consumer.begin(claim, 1)
        consumer.complete(claim)
        consumer.housekeep()

    finish_one(0)
    with closing(sqlite3.connect(tmp_path / "q.db")) as browser:
        browser.execute("BEGIN")
        browser.execute("SELECT count(*) FROM requests").fetchone()
        for number in range(1, 6):
            finish_one(number)
            now[0] += 30
        assert [record.getMessage() for record in caplog.records] == ["queue log held"]
        assert queue.meter().read().room.unmerged > 4_096
    finish_one(6)
    assert queue.meter().read().room.unmerged < 4 * 4_096
    queue.close()
