"""What is special about Kafka, against a real broker; what every queue must do is in tests/contract."""

import contextlib
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest
from confluent_kafka import Consumer as BareConsumer
from confluent_kafka import KafkaError, TopicPartition
from confluent_kafka import Producer as BareProducer
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from emotalk.errors import ClaimLost, ConfigurationError, QueueUnavailable
from emotalk.queues.base import RESULTS_KEPT_SECONDS, Claim, Record
from emotalk.queues.kafka import KafkaQueue
from emotalk.queues.kafka.claims.marks import Mark, read_mark
from emotalk.queues.kafka.client import topics
from emotalk.queues.kafka.client.reading import ends_of, reader, span_of
from emotalk.queues.kafka.consumer import KafkaConsumer
from emotalk.queues.kafka.job_notes.table import Table
from tests.kafka.broker import Broker, free_ports

pytestmark = pytest.mark.kafka

MiB = 2**20
PATIENCE = 30.0
HOUR_MS, DAY_MS = "3600000", "86400000"
T = TypeVar("T")
Opener = Callable[..., KafkaQueue]


@pytest.fixture
def prefix() -> str:
    return f"t-{uuid.uuid4().hex[:12]}-"


@pytest.fixture
def open_queue(kafka_broker: Broker, prefix: str) -> Iterator[Opener]:
    """Queues on topics of this test's own; each call is another process's view of them."""
    opened: list[KafkaQueue] = []

    def open_one(**options: object) -> KafkaQueue:
        queue = KafkaQueue(kafka_broker.bootstrap, prefix=prefix, **options)  # type: ignore[arg-type]
        opened.append(queue)
        queue.prepare()
        return queue

    yield open_one
    for queue in opened:
        queue.close()


def request(request_id: str, key: str = "k", payload: bytes = b"voice") -> Record:
    return Record(request_id, key, "digest", payload, {"seconds": "1.5"})


def claimed(consumer: KafkaConsumer) -> Claim:
    claim = consumer.claim(PATIENCE)
    assert claim is not None, "nothing was delivered"
    return claim


def settings_of(broker: Broker, topic: str) -> dict[str, str]:
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    [answer] = admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)]).values()
    return {name: entry.value for name, entry in answer.result(timeout=10).items()}


def test_where_another_process_makes_the_topics_first_the_greater_number_of_partitions_holds(
    open_queue: Opener, kafka_broker: Broker, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = topics._create

    def overtaken(*arguments: Any) -> None:
        monkeypatch.setattr(topics, "_create", make)
        open_queue(partitions=1)
        make(*arguments)

    monkeypatch.setattr(topics, "_create", overtaken)
    open_queue(partitions=3)
    there = AdminClient({"bootstrap.servers": kafka_broker.bootstrap}).list_topics(timeout=10).topics
    assert len(there[f"{prefix}audio-requests"].partitions) == 3


def test_of_an_id_that_was_just_made_the_broker_is_asked_nothing_and_its_results_are_found_all_the_same(
    open_queue: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue, asked = open_queue(), list[tuple[str, int]]()
    producer, ask = queue.producer(), Table.refresh_beside

    def counted(table: Table, *places: tuple[str, int], timeout: float) -> list[int]:
        asked.extend(places)
        return ask(table, *places, timeout=timeout)

    producer.append(request("first"), fresh=True)  # where results end is not known yet
    monkeypatch.setattr(Table, "refresh_beside", counted)
    producer.append(request("second"), fresh=True)
    assert not asked
    producer.append(request("third"))
    assert len(asked) == 1
    consumer = queue.consumer("")
    for _ in range(3):
        claim = claimed(consumer)
        consumer.begin(claim, 1)
        consumer.publish(claim, [claim.request.request_id.encode()])
        consumer.complete(claim)
    reader = open_queue()
    start = reader.producer().append(request("second")).start
    assert start is not None
    assert [each.payload for each in reader.results().read("second", start, 10)] == [b"second"]


def test_topics_are_created_with_the_settings_that_keep_requests_until_done(
    open_queue: Opener, kafka_broker: Broker, prefix: str
) -> None:
    open_queue(partitions=2)
    requests, results, dead, jobs = every = [
        settings_of(kafka_broker, prefix + name)
        for name in ("audio-requests", "blendshape-results", "audio-requests.dead", "audio-jobs")
    ]
    assert [topic["retention.ms"] for topic in every] == ["-1", DAY_MS, "-1", "-1"]
    assert {topic["retention.bytes"] for topic in every} == {"-1"}
    assert [topic["cleanup.policy"] for topic in every] == ["delete", "delete", "compact", "compact"]
    assert all(int(topic["max.message.bytes"]) > 64 * MiB for topic in every)
    assert dead["max.compaction.lag.ms"] == jobs["max.compaction.lag.ms"] == HOUR_MS
    assert (requests["segment.ms"], results["segment.ms"]) == (HOUR_MS, HOUR_MS)


def test_topics_that_exist_with_wrong_settings_are_mended(
    open_queue: Opener, kafka_broker: Broker, prefix: str
) -> None:
    topic = prefix + "audio-requests"
    wrong = {"retention.ms": "604800000", "max.message.bytes": "1000000", "cleanup.policy": "compact"}
    admin = AdminClient({"bootstrap.servers": kafka_broker.bootstrap})
    [made] = admin.create_topics([NewTopic(topic, 3, 1, config=wrong)]).values()
    made.result(timeout=10)
    open_queue(partitions=1)
    mended = settings_of(kafka_broker, topic)
    assert (mended["retention.ms"], mended["cleanup.policy"]) == ("-1", "delete")
    assert int(mended["max.message.bytes"]) > 64 * MiB
    assert len(admin.list_topics(topic, timeout=10).topics[topic].partitions) == 3


def test_more_replicas_than_brokers_is_a_configuration_error_that_names_the_topic(
    kafka_broker: Broker, prefix: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"{prefix}.*3 replicas"):
        KafkaQueue(kafka_broker.bootstrap, prefix=prefix, replication=3).prepare()


def test_where_no_broker_answers_the_sentence_names_the_address() -> None:
    [port] = free_ports(1)
    began = time.monotonic()
    with pytest.raises(QueueUnavailable, match=f"127.0.0.1:{port}"):
        KafkaQueue(f"127.0.0.1:{port}").prepare()
    assert time.monotonic() - began < 10


def test_an_attempt_survives_the_kill_of_its_worker(open_queue: Opener, kafka_broker: Broker, prefix: str) -> None:
    queue = open_queue()
    queue.producer().append(request("r"))
    story = (
        "import os, signal; from emotalk.queues.kafka import KafkaQueue\n"
        f"worker = KafkaQueue({kafka_broker.bootstrap!r}, prefix={prefix!r}).consumer('worker')\n"
        f"claim = worker.claim({PATIENCE}); worker.begin(claim, claim.attempts + 1)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    for _ in range(2):
        assert subprocess.run([sys.executable, "-c", story], timeout=60).returncode == -signal.SIGKILL
    assert claimed(queue.consumer("worker")).attempts == 2


def test_a_job_longer_than_the_poll_interval_stays_with_the_worker_that_keeps_it(open_queue: Opener) -> None:
    queue = open_queue(max_poll_interval_ms=1500)
    producer, worker = queue.producer(), queue.consumer("")
    for name in "ab":
        producer.append(request(name))
    claim = claimed(worker)
    worker.begin(claim, 1)
    keep_for(4, worker, claim)
    worker.publish(claim, [b"late"])
    worker.complete(claim)
    assert claimed(worker).request.request_id == "b"


def test_a_job_whose_worker_does_not_keep_it_is_taken_away(open_queue: Opener) -> None:
    queue = open_queue(max_poll_interval_ms=1500)
    queue.producer().append(request("r"))
    sleeper = queue.consumer("")
    claim = claimed(sleeper)
    sleeper.begin(claim, 1)
    heir = queue.consumer("")
    assert claimed(heir).attempts == 1
    with pytest.raises(ClaimLost):
        sleeper.publish(claim, [b"too late"])
    with pytest.raises(ClaimLost):
        sleeper.complete(claim)


def test_workers_that_come_and_go_neither_skip_nor_double_nor_overtake(open_queue: Opener) -> None:
    queue = open_queue(partitions=3)
    producer = queue.producer()
    sent = [producer.append(request(f"{number}", key=f"key {number}")) for number in range(60)]
    assert {receipt.partition for receipt in sent} == {0, 1, 2}
    workers = [Worker(queue)]
    done: list[tuple[int, int]] = []
    for turn in range(2000):
        if turn in (10, 40):
            workers.append(Worker(queue))
        if turn == 80:
            workers.pop(0).consumer.close()
        done += [place for worker in workers if (place := worker.turn()) is not None]
        if len(done) == len(sent):
            break
    assert sorted(done) == sorted((receipt.partition, receipt.offset) for receipt in sent)
    for partition in range(3):
        offsets = [offset for owner, offset in done if owner == partition]
        assert offsets == sorted(offsets)


def test_an_attempt_that_a_rebalance_interrupts_does_not_count(open_queue: Opener) -> None:
    queue = open_queue(partitions=2)
    producer, first = queue.producer(), queue.consumer("")
    for number in range(20):
        producer.append(request(f"{number}", key=f"{number}"))
    second = queue.consumer("")
    held, lost, seen = None, 0, []
    for _ in range(400):
        try:
            if held is None and (held := first.claim(0.05)) is not None:
                first.begin(held, held.attempts + 1)
            elif held is not None:
                first.keep(held)
        except ClaimLost:
            held, lost = None, lost + 1
        other = second.claim(0.05)
        if other is not None:
            seen.append(other.attempts)
            second.complete(other)
        if len(seen) >= 5:
            break
    assert seen
    assert set(seen) == {0}


def test_a_claim_given_back_is_the_next_one_and_nothing_is_skipped(open_queue: Opener) -> None:
    queue = open_queue()
    producer, worker = queue.producer(), queue.consumer("")
    for name in "abc":
        producer.append(request(name))
    claim = claimed(worker)
    worker.begin(claim, 1)
    worker.give_back(claim)
    order = []
    for _ in range(3):
        claim = claimed(worker)
        order.append((claim.request.request_id, claim.attempts))
        worker.complete(claim)
    assert order == [("a", 0), ("b", 0), ("c", 0)]


def test_forty_megabytes_go_in_and_come_out(open_queue: Opener) -> None:
    queue = open_queue()
    large = bytes(range(256)) * (40 * MiB // 256)
    producer, worker, results = queue.producer(), queue.consumer(""), queue.results()
    producer.append(request("large", payload=large))
    claim = claimed(worker)
    worker.publish(claim, [large, b"end"])
    heard: list[bytes] = []
    while len(heard) < 2 and (news := results.poll(PATIENCE)):
        heard += [result.payload for result in news]
    assert claim.request.payload == large
    assert heard == [large, b"end"]


def test_a_record_beyond_the_limit_is_refused_by_name_of_the_setting(open_queue: Opener) -> None:
    with pytest.raises(ConfigurationError, match=r"max\.message\.bytes"):
        open_queue().producer().append(request("huge", payload=bytes(66 * MiB)))


def test_a_record_of_the_version_before_is_listed_and_known_once_it_is_begun(
    open_queue: Opener, kafka_broker: Broker, prefix: str
) -> None:
    queue = open_queue()
    bare = BareProducer({"bootstrap.servers": kafka_broker.bootstrap})
    headers = [("request_id", b"old"), ("digest", b"d"), ("seconds", b"1.5")]
    bare.produce(prefix + "audio-requests", b"voice", b"key", headers=headers)
    assert bare.flush(10) == 0
    ledger, worker = queue.ledger(), queue.consumer("")
    (row,) = ledger.rows()
    assert (row.request_id, row.state, row.epoch, row.digest) == ("old", "queued", 1, "d")
    assert ledger.payload(row) == b"voice"
    claim = claimed(worker)
    assert claim.epoch == 1
    worker.begin(claim, 1)
    found = ledger.find("old")
    assert found is not None
    assert (found.state, found.attempts) == ("running", 1)
    worker.complete(claim)
    assert queue.producer().append(Record("old", "key", "d", b"voice")).repeated


def test_what_a_worker_of_the_version_before_has_done_does_not_wait_for_ever(
    open_queue: Opener, kafka_broker: Broker, prefix: str
) -> None:
    queue = open_queue()
    queue.producer().append(request("one"))
    old = {"bootstrap.servers": kafka_broker.bootstrap, "group.id": prefix + "emotalk-processors"}
    worker = BareConsumer(old)
    worker.commit(offsets=[TopicPartition(prefix + "audio-requests", 0, 1)], asynchronous=False)
    worker.close()
    later = open_queue()
    assert later.ledger().find("one") is None
    assert later.jobs() == []
    assert not later.producer().append(request("one")).repeated


def test_who_dies_between_the_note_of_the_end_and_the_commit_is_followed_by_no_second_pass(
    open_queue: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = open_queue()
    for name in ("one", "two"):
        queue.producer().append(request(name))
    dying = queue.consumer("")
    claim = claimed(dying)
    dying.begin(claim, 1)
    dying.publish(claim, [b"answer"])
    monkeypatch.setattr(dying, "_done_with", lambda _: None)
    dying.complete(claim)
    dying.close()
    assert claimed(open_queue().consumer("")).request.request_id == "two"
    found = queue.ledger().find("one")
    assert found is not None
    assert found.state == "done"


def test_results_begin_in_the_partition_that_their_key_goes_to(open_queue: Opener) -> None:
    queue = open_queue(partitions=5)
    producer, worker, ledger = queue.producer(), queue.consumer(""), queue.ledger()
    for number in range(12):
        producer.append(request(f"request {number} ключ"))
        claim = claimed(worker)
        worker.begin(claim, 1)
        noted = ledger.find(claim.request.request_id)
        worker.publish(claim, [b"answer"])
        worker.complete(claim)
        done = ledger.find(claim.request.request_id)
        assert noted is not None
        assert done is not None
        assert done.first is not None
        assert done.first == done.last
        assert noted.first is not None, "as its worker notes, or its server has noted: none of its results are before"
        assert (noted.first[0], noted.first <= done.first) == (done.first[0], True)


def test_whoever_asks_before_the_note_of_an_attempt_is_there_still_finds_its_results(
    open_queue: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = open_queue()
    producer, worker = queue.producer(), queue.consumer("")
    for name in ("one", "two", "three"):
        producer.append(request(name))
    worker.complete(started(worker))
    monkeypatch.setattr(worker._journal, "_mention", lambda *_: None)
    worker.publish(started(worker), [b"answer"])
    there = open_queue()
    row, waits = there.ledger().find("two"), there.ledger().find("three")
    assert row is not None
    assert row.first is not None
    assert [each.payload for each in there.results().read("two", row.first, 9)] == [b"answer"]
    assert there.producer().append(request("two")).start == row.first
    assert waits is not None
    assert waits.first is None, "what waits behind another has no results, and nobody need look for them"


def test_the_attempt_that_nobody_waited_for_counts_when_its_worker_dies(open_queue: Opener) -> None:
    queue = open_queue()
    for name in ("one", "two"):
        queue.producer().append(request(name))
    worker = queue.consumer("")
    worker.complete(started(worker))
    started(worker)
    worker.close()
    heir = open_queue().consumer("")
    assert claimed(heir).attempts == 1


def test_notes_are_deleted_with_the_results_and_those_of_dead_letters_stay(open_queue: Opener) -> None:
    now = [1_800_000_000.0]
    queue = open_queue(clock=lambda: now[0])
    producer, worker, ledger = queue.producer(), queue.consumer(""), queue.ledger()
    for name in ("done", "dead", "queued"):
        producer.append(request(name))
    worker.complete(started(worker))
    worker.bury(started(worker), b"letter", "error", [])
    now[0] += RESULTS_KEPT_SECONDS + 1
    assert ledger.find("done") is None
    assert not producer.append(request("done")).repeated
    worker.housekeep()
    states = {row.request_id: row.state for row in open_queue(clock=lambda: now[0]).jobs()}
    assert states == {"dead": "dead", "queued": "queued", "done": "queued"}


def started(worker: KafkaConsumer) -> Claim:
    claim = claimed(worker)
    worker.begin(claim, claim.attempts + 1)
    return claim


def lose(worker: KafkaConsumer, monkeypatch: pytest.MonkeyPatch) -> Claim:
    """Begin the next request, and lose it as in an outage."""
    claim = started(worker)
    with monkeypatch.context() as expired:
        expired.setattr(worker._member, "confirmed_at", -float("inf"))
        expired.setattr(worker._member, "commit", lambda *_: KafkaError(KafkaError.UNKNOWN_MEMBER_ID))
        with pytest.raises(ClaimLost):
            worker.publish(claim, [b"late"])
    return claim


def test_an_attempt_that_an_outage_ends_at_its_next_publish_does_not_count(
    open_queue: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = open_queue()
    queue.producer().append(request("one"))
    worker = queue.consumer("")
    claim = lose(worker, monkeypatch)
    worker.arrived({claim.partition})  # the group takes us back
    assert claimed(worker).attempts == 0


def test_attempts_that_outages_end_do_not_count_for_those_who_come_after_and_deaths_do(
    open_queue: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_queue().producer().append(request("one"))
    befores = list[int]()
    for dies in (False, False, True, False, True):
        worker = open_queue().consumer("")
        befores.append((started(worker) if dies else lose(worker, monkeypatch)).attempts)
        worker.close()
    assert befores == [0, 0, 0, 1, 1]
    heir = open_queue().consumer("")
    assert claimed(heir).attempts == 2, "two have died in it, and three lived on"


def test_an_error_that_comes_among_results_takes_none_of_them_along(open_queue: Opener) -> None:
    class Fault:
        def error(self) -> KafkaError:
            return KafkaError(KafkaError._TRANSPORT)

    class Interrupted:
        """Before the second result and after the last one stands an error, as when a broker dies."""

        def __init__(self, kafka: Any) -> None:
            self.poll, self._consume, self.close = kafka.poll, kafka.consume, kafka.close

        def consume(self, count: int, timeout: float) -> list[Any]:
            return [Fault(), *self._consume(2, PATIENCE), Fault()]

    queue = open_queue()
    results: Any = queue.results()
    consumer = queue.consumer("")
    queue.producer().append(request("one"))
    consumer.publish(claimed(consumer), [b"a", b"b", b"c"])
    results._kafka = Interrupted(results._kafka)
    assert [each.payload for each in results.poll(PATIENCE)] == [b"a", b"b", b"c"]


def test_a_record_of_another_program_still_comes_out(open_queue: Opener, kafka_broker: Broker, prefix: str) -> None:
    queue = open_queue()
    bare = BareProducer({"bootstrap.servers": kafka_broker.bootstrap})
    bare.produce(prefix + "audio-requests", b"\x00\xff not ours")
    bare.produce(prefix + "audio-requests", None, b"\xff", headers=[("strange", b"\xff"), ("none", None)])
    assert bare.flush(10) == 0
    worker = queue.consumer("")
    claims = []
    for _ in range(2):
        claims.append(claimed(worker))
        worker.bury(claims[-1], claims[-1].request.payload, "not ours", [])
    assert [claim.request.request_id for claim in claims] == ["0-0", "0-1"]
    assert [claim.request.payload for claim in claims] == [b"\x00\xff not ours", b""]
    assert [(row.request_id, row.error) for row in queue.jobs()] == [("0-0", "not ours"), ("0-1", "not ours")]


def test_housekeeping_deletes_what_is_answered_and_nothing_else(open_queue: Opener) -> None:
    queue = open_queue()
    producer, worker = queue.producer(), queue.consumer("")
    for name in "abc":
        producer.append(request(name))
    worker.complete(claimed(worker))
    worker.complete(claimed(worker))
    worker.housekeep()
    with contextlib.closing(reader(queue._cluster)) as kafka:
        assert span_of(kafka, queue._cluster.requests, 0) == (2, 3)
    assert [(row.request_id, row.state) for row in queue.jobs()] == [("c", "queued"), ("a", "done"), ("b", "done")]
    assert claimed(worker).request.request_id == "c"


def test_the_ends_of_several_topics_are_had_for_one_question(open_queue: Opener) -> None:
    queue = open_queue(partitions=2)
    cluster, producer = queue._cluster, queue.producer()
    taken = [producer.append(request(name, key=name)).partition for name in "abcdef"]
    places = [(cluster.requests, 0), (cluster.requests, 1), (cluster.jobs, 0), (cluster.results, 0)]
    with contextlib.closing(reader(cluster)) as kafka:
        assert ends_of(kafka, places) == [taken.count(0), taken.count(1), 6, 0]
        assert ends_of(kafka, places) == [span_of(kafka, *place)[1] for place in places]


def test_a_worker_whose_name_is_taken_is_told_so(open_queue: Opener) -> None:
    queue = open_queue()
    queue.producer().append(request("r"))
    first = queue.consumer("same")
    claim = claimed(first)
    second = queue.consumer("same")
    claimed(second)
    with pytest.raises(ClaimLost):
        keep_for(PATIENCE, first, claim)
    with pytest.raises(ConfigurationError, match="same"):
        claim_in_turn(PATIENCE, first, second)


def test_a_broker_that_dies_and_comes_back_loses_and_doubles_nothing() -> None:
    with Broker() as broker:
        # The session outlives a broker that is slow to start: without it the worker loses its claim, and rightly.
        patient = {"session.timeout.ms": "120000"}
        quick = {"delivery.timeout.ms": "1000", "request.timeout.ms": "1000"}
        queue = KafkaQueue(broker.bootstrap, settings=quick | patient)
        queue.prepare()
        producer, worker, results = queue.producer(), queue.consumer("worker"), queue.results()
        producer.append(request("before"))
        claim = claimed(worker)
        worker.begin(claim, 1)
        broker.kill()
        with pytest.raises(QueueUnavailable):
            producer.append(request("while down"))
        with pytest.raises(QueueUnavailable):
            producer.ping()
        broker.start()
        until_available(lambda: producer.append(request("after")))
        until_available(lambda: worker.publish(claim, [b"answer"]))
        until_available(lambda: worker.complete(claim))
        assert [result.payload for result in until_available(lambda: results.poll(PATIENCE))] == [b"answer"]
        claim = claimed(worker)
        assert (claim.request.request_id, claim.attempts) == ("after", 0)
        worker.complete(claim)
        assert worker.claim(0.5) is None
        queue.close()


@pytest.mark.parametrize("metadata", [None, "", "{", "[]", '{"request": 1}', '{"attempt": "x", "request": "r"}'])
def test_commit_metadata_of_other_programs_are_no_mark(metadata: str | None) -> None:
    mark = read_mark(7, metadata)
    assert [mark.attempts_of(7, request) for request in ("r", "1", "")] == [0, 0, 0]


def test_a_mark_counts_for_its_own_request_and_offset_only() -> None:
    mark = read_mark(7, Mark(7, "r" * 500, 3).metadata)
    assert [mark.attempts_of(7, "r" * 500), mark.attempts_of(8, "r" * 500), mark.attempts_of(7, "s")] == [3, 0, 0]


class Worker:
    """A worker that needs three turns for a job, so that rebalances find it in the middle of one."""

    def __init__(self, queue: KafkaQueue) -> None:
        self.queue, self.consumer = queue, queue.consumer("")
        self.claim: Claim | None = None
        self.turns = 0

    def turn(self) -> tuple[int, int] | None:
        try:
            if self.claim is None:
                self.claim, self.turns = self.consumer.claim(0.02), 0
                if self.claim is not None:
                    self.consumer.begin(self.claim, self.claim.attempts + 1)
                return None
            self.consumer.keep(self.claim)
            self.turns += 1
            return self._finish() if self.turns == 3 else None
        except ClaimLost:
            self.claim = None
            return None

    def _finish(self) -> tuple[int, int]:
        assert self.claim is not None
        claim, self.claim = self.claim, None
        try:
            self.consumer.complete(claim)
        except ClaimLost:
            # The partition left in the middle of the call. Was the end written down already? Then nobody does it again.
            row = self.queue.ledger().find(claim.request.request_id)
            if row is None or row.state != "done":
                raise
        return claim.partition, claim.offset


def during(seconds: float) -> Iterator[None]:
    """Time that passes outside: the broker's, which no test can move."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.05)


def keep_for(seconds: float, worker: KafkaConsumer, claim: Claim) -> None:
    for _ in during(seconds):
        worker.keep(claim)


def claim_in_turn(seconds: float, *workers: KafkaConsumer) -> None:
    for _ in during(seconds):
        for worker in workers:
            with contextlib.suppress(QueueUnavailable):
                worker.claim(0.1)


def until_available(act: Callable[[], T]) -> T:
    """Repeat through an outage, as the ports promise that one may."""
    for _ in during(PATIENCE):
        try:
            return act()
        except QueueUnavailable:
            continue
    return act()
