"""Any story of appends, claims, deaths and clocks ends as the simplest imaginable queue says it must.

The heart of the product: no request is lost, doubled or overtaken, only its owner answers it, and what is taken away by
hand is answered by nobody.
"""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from emotalk.errors import ClaimLost, JobCancelled, RequestConflict
from emotalk.queues.base import Claim, Consumer, Queue, Record
from emotalk.queues.lanes import lane_of
from emotalk.queues.memory import MemoryQueue
from emotalk.queues.sqlite import SqliteQueue
from tests.contract.candidate import Clock, request
from tests.memory_disk import memory_disk

LANES, LEASE = 2, 10.0
NEWEST_OR_OLDER = st.sampled_from([0, 0, 0, 1, 2])
WORKERS = st.sampled_from(["anna", "berta"])
SECONDS = st.sampled_from([LEASE, LEASE / 2])
KEYS = st.sampled_from(["left", "left", "right"])
PAYLOADS = st.sampled_from([b"voice", b"other voice"])


@dataclass
class Lane:
    """What a lane must be: a list, a place in it, and who stands there."""

    asked: list[Record] = field(default_factory=list)
    head: int = 0
    attempts: int = 0
    owner: str = ""
    token: int = 0
    kept_at: float = 0.0

    def advance(self) -> None:
        self.head, self.attempts, self.owner = self.head + 1, 0, ""


@dataclass
class Hand:
    """A claim as one consumer once held it; it may be stale by now."""

    consumer: Consumer
    name: str
    claim: Claim


class Story(RuleBasedStateMachine):
    """Rules act on the queue and on the model; whatever they tell must be the same."""

    def make(self) -> Queue:
        raise NotImplementedError

    @initialize()
    def open(self) -> None:
        self.clock = Clock()
        self.queue = self.make()
        self.queue.prepare()
        self.producer, self.reader = self.queue.producer(), self.queue.results()
        self.ledger = self.queue.ledger()
        self.consumers = {name: self.queue.consumer(name) for name in ("anna", "berta")}
        self.lanes = [Lane() for _ in range(LANES)]
        self.where: dict[str, tuple[int, int]] = {}
        self.runs: dict[str, list[tuple[int, int]]] = {}
        self.appended: dict[tuple[int, int], float] = {}
        self.finished: dict[tuple[int, int], str] = {}
        self.taken: dict[tuple[int, int], str] = {}
        self.log: list[tuple[str, bytes]] = []
        self.heard = 0
        self.hands: list[Hand] = []

    @rule(number=st.integers(0, 7), payload=PAYLOADS, key=KEYS)
    def append(self, number: int, payload: bytes, key: str) -> None:
        self.clock.now += 0.001
        sent = request(f"{number}", payload, key)
        known = self.where.get(sent.request_id)
        if gone := self._given_up(sent):
            receipt = self.producer.append(sent)
            assert (receipt.partition, receipt.offset, receipt.repeated) == (*gone, True)
            assert receipt.failure in ("error", "by hand")
        elif known is None:
            lane = lane_of(key, LANES)
            place = lane, len(self.lanes[lane].asked)
            self.lanes[lane].asked.append(sent)
            self.where[sent.request_id], self.appended[place] = place, self.clock.now
            runs = self.runs.setdefault(sent.request_id, [])
            runs.append(place)
            receipt = self.producer.append(sent)
            assert (receipt.partition, receipt.offset, receipt.repeated) == (*place, False)
            assert receipt.epoch == len(runs)
        elif self.lanes[known[0]].asked[known[1]].digest == sent.digest:
            receipt = self.producer.append(sent)
            assert (receipt.partition, receipt.offset, receipt.repeated) == (*known, True)
        else:
            with pytest.raises(RequestConflict):
                self.producer.append(sent)

    def _given_up(self, sent: Record) -> tuple[int, int] | None:
        """The newest run of this id, where it was buried with the same content: a repetition begins nothing."""
        runs = self.runs.get(sent.request_id)
        if runs and self._end_of(runs[-1]) == "dead":
            lane, place = runs[-1]
            return runs[-1] if self.lanes[lane].asked[place].digest == sent.digest else None
        return None

    @rule(name=WORKERS, attempt=st.integers(1, 3))
    def work(self, name: str, attempt: int) -> None:
        """What happens nearly always."""
        before = len(self.hands)
        self.claim(name)
        if len(self.hands) > before:
            self.begin(0, attempt)
            self.publish(0, [b"answer"])
            self.complete(0)

    @rule(name=WORKERS)
    def claim(self, name: str) -> None:
        claim = self.consumers[name].claim(0)
        self._skip()
        expected = self._next_lane(name)
        if expected is None:
            assert claim is None
            return
        lane = self.lanes[expected]
        assert claim is not None
        assert (claim.partition, claim.offset) == (expected, lane.head)
        assert (claim.request, claim.attempts) == (lane.asked[lane.head], lane.attempts)
        assert claim.token > lane.token
        assert claim.epoch == 1 + self.runs[claim.request.request_id].index((expected, lane.head))
        lane.owner, lane.token, lane.kept_at = name, claim.token, self.clock.now
        self.hands.append(Hand(self.consumers[name], name, claim))

    def _skip(self) -> None:
        """What was taken away while nobody had it stands in nobody's way."""
        for number, lane in enumerate(self.lanes):
            while (number, lane.head) in self.finished:
                lane.advance()

    def _next_lane(self, name: str) -> int | None:
        free = [n for n, lane in enumerate(self.lanes) if lane.head < len(lane.asked) and self._free(lane, name)]
        own = [n for n in free if self.lanes[n].owner == name]
        return min(own or free, key=lambda n: self.appended[n, self.lanes[n].head], default=None)

    def _free(self, lane: Lane, name: str) -> bool:
        return lane.owner in ("", name) or self.clock.now - lane.kept_at >= LEASE

    @precondition(lambda self: self.hands)
    @rule(which=NEWEST_OR_OLDER, attempt=st.integers(1, 3))
    def begin(self, which: int, attempt: int) -> None:
        if hand := self._hand(which, lambda hand: hand.consumer.begin(hand.claim, attempt)):
            self._lane(hand).attempts = attempt

    @precondition(lambda self: self.hands)
    @rule(which=NEWEST_OR_OLDER)
    def keep(self, which: int) -> None:
        if hand := self._hand(which, lambda hand: hand.consumer.keep(hand.claim)):
            self._lane(hand).kept_at = self.clock.now

    @precondition(lambda self: self.hands)
    @rule(which=NEWEST_OR_OLDER, answers=st.lists(st.binary(max_size=3), max_size=3))
    def publish(self, which: int, answers: list[bytes]) -> None:
        if hand := self._hand(which, lambda hand: hand.consumer.publish(hand.claim, answers)):
            self.log += [(hand.claim.request.request_id, answer) for answer in answers]

    @precondition(lambda self: self.hands)
    @rule(which=NEWEST_OR_OLDER)
    def complete(self, which: int) -> None:
        if hand := self._hand(which, lambda hand: hand.consumer.complete(hand.claim), whatever=True):
            self._finish(hand, "done")

    @precondition(lambda self: self.hands)
    @rule(which=NEWEST_OR_OLDER)
    def bury(self, which: int) -> None:
        if hand := self._hand(which, lambda hand: hand.consumer.bury(hand.claim, b"letter", "error", [b"failed"])):
            self.log.append((hand.claim.request.request_id, b"failed"))
            del self.where[hand.claim.request.request_id]
            self._finish(hand, "dead")
            self.hear()  # a reader that is late would miss what the next run of this id deletes

    @precondition(lambda self: self.hands)
    @rule(which=NEWEST_OR_OLDER)
    def give_back(self, which: int) -> None:
        if hand := self._hand(which, lambda hand: hand.consumer.give_back(hand.claim), whatever=True):
            lane = self._lane(hand)
            lane.owner, lane.attempts = "", max(hand.claim.attempts, lane.attempts - 1)

    @rule(number=st.integers(0, 7), state=st.sampled_from(["cancelled", "dead"]))
    def take_away(self, number: int, state: str) -> None:
        """By hand; whether it waits or runs, and to no effect if it is over."""
        row = self.ledger.find(f"{number}")
        place = self.where.get(f"{number}")
        if row is None or place is None:
            assert place is None
            return
        over = place in self.finished
        if state == "cancelled":
            after = self.ledger.cancel(row, [b"taken"])
        else:
            after = self.ledger.bury(row, b"letter", "by hand", [b"taken"])
        assert after.state == ("done" if over else state)
        if not over:
            self.log.append((f"{number}", b"taken"))
            del self.where[f"{number}"]
            self.taken[place] = state
            lane = self.lanes[place[0]]
            if place[1] != lane.head or lane.owner == "":
                self.finished[place] = state
            self.hear()

    @rule(number=st.integers(0, 7))
    def delete(self, number: int) -> None:
        dead = [place for place in self.runs.get(f"{number}", []) if self._end_of(place) == "dead"]
        assert self.ledger.delete(f"{number}") == len(dead)
        for place in dead:
            for ends in (self.finished, self.taken):
                if place in ends:
                    ends[place] = "failed"

    def _end_of(self, place: tuple[int, int]) -> str:
        return self.taken.get(place) or self.finished.get(place, "")

    @rule(name=WORKERS)
    def leave(self, name: str) -> None:
        self.consumers[name].close()
        self._free_lanes_of([hand for hand in self.hands if hand.consumer is self.consumers[name]])
        self.hands = [hand for hand in self.hands if hand.consumer is not self.consumers[name]]
        self.consumers[name] = self.queue.consumer(name)

    @rule(name=WORKERS)
    def die_and_come_back(self, name: str) -> None:
        self.consumers[name] = self.queue.consumer(name)

    @rule(seconds=SECONDS)
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule(name=WORKERS)
    def housekeep(self, name: str) -> None:
        self.consumers[name].housekeep()

    @rule()
    def hear(self) -> None:
        heard = [(result.request_id, result.payload) for result in self.reader.poll(0)]
        assert heard == self.log[self.heard :][: len(heard)]
        self.heard += len(heard)
        assert heard or self.heard == len(self.log)

    @rule(number=st.integers(0, 7), start=st.integers(0, 3), limit=st.integers(1, 3))
    def read_again(self, number: int, start: int, limit: int) -> None:
        everything = self.reader.read(f"{number}", (0, 0), 1000)
        run = [payload for request_id, payload in self.log if request_id == f"{number}"]
        assert [result.payload for result in everything] == run[len(run) - len(everything) :]
        if start < len(everything):
            assert self.reader.read(f"{number}", everything[start].cursor, limit) == everything[start:][:limit]

    @invariant()
    def every_request_stands_where_it_must(self) -> None:
        expected = {}
        for number, lane in enumerate(self.lanes):
            for place, asked in enumerate(lane.asked):
                running = place == lane.head and lane.owner != "" and not self._free(lane, "")
                state = self._end_of((number, place)) or ("running" if running else "queued")
                expected[number, place] = (asked.request_id, state)
        rows = {(row.partition, row.offset): row for row in self.queue.jobs()}
        assert {place: (row.request_id, row.state) for place, row in rows.items()} == expected
        for request_id, runs in self.runs.items():
            newest = self.ledger.find(request_id)
            assert newest is not None
            assert (newest.partition, newest.offset, newest.epoch) == (*runs[-1], len(runs))
            assert newest.state == expected[runs[-1]][1]

    def _hand(self, which: int, act: object, whatever: bool = False) -> Hand | None:
        """Let the last-but-`which` hand act; the hand if it was the owner's, None if it was refused.

        What was taken away is refused to its owner as well, unless `whatever`.
        """
        hand = self.hands[max(-1 - which, -len(self.hands))]
        lane = self._lane(hand)
        if (lane.head, lane.token, lane.owner) == (hand.claim.offset, hand.claim.token, hand.name):
            if self._end_of((hand.claim.partition, lane.head)) and not whatever:
                with pytest.raises(JobCancelled):
                    act(hand)  # type: ignore[operator]
                return None
            act(hand)  # type: ignore[operator]
            return hand
        with pytest.raises(ClaimLost):
            act(hand)  # type: ignore[operator]
        return None

    def _lane(self, hand: Hand) -> Lane:
        return self.lanes[hand.claim.partition]

    def _free_lanes_of(self, left: list[Hand]) -> None:
        for hand in left:
            lane = self._lane(hand)
            if (lane.head, lane.token, lane.owner) == (hand.claim.offset, hand.claim.token, hand.name):
                lane.owner = ""

    def _finish(self, hand: Hand, state: str) -> None:
        lane = self._lane(hand)
        place = hand.claim.partition, lane.head
        self.finished[place] = self.taken.get(place, state)
        lane.advance()

    def teardown(self) -> None:
        self.queue.close()


class MemoryStory(Story):
    def make(self) -> Queue:
        return MemoryQueue(self.clock, partitions=LANES, lease_seconds=LEASE)


class SqliteStory(Story):
    def make(self) -> Queue:
        self.folder = tempfile.TemporaryDirectory(dir=memory_disk())
        path = Path(self.folder.name) / "q.db"
        return SqliteQueue(path, partitions=LANES, clock=self.clock, lease_seconds=LEASE)

    @rule()
    def restart(self) -> None:
        """The whole machine goes down in good order and comes up again: nothing but the file remains."""
        while self.heard < len(self.log):
            self.hear()
        self.queue.close()
        self._free_lanes_of(self.hands)
        self.queue = SqliteQueue(
            Path(self.folder.name) / "q.db", partitions=LANES, clock=self.clock, lease_seconds=LEASE
        )
        self.producer, self.reader = self.queue.producer(), self.queue.results()
        self.ledger = self.queue.ledger()
        self.consumers = {name: self.queue.consumer(name) for name in ("anna", "berta")}
        self.hands = []

    def teardown(self) -> None:
        super().teardown()
        self.folder.cleanup()


@pytest.mark.parametrize(("story", "examples"), [(MemoryStory, 120), (SqliteStory, 40)], ids=["memory", "sqlite"])
@pytest.mark.long
def test_no_request_is_lost_doubled_or_overtaken(story: type[Story], examples: int) -> None:
    run_state_machine_as_test(
        story, settings=settings(max_examples=examples, stateful_step_count=40, deadline=None, derandomize=True)
    )
