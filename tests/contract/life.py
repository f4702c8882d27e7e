"""A queue's life drawn at random, step by step beside a model of what it promises.

Three workers under three names, one ledger, one producer: whatever order appends, claims, deaths, time, cancels and
burials come in, the queue and the model agree on who has what, what was answered, and where each request stands.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from emotalk.errors import ClaimLost, EmoTalkError, JobCancelled, RequestConflict
from emotalk.queues.base import ENDED, Claim, Consumer, JobState, Queue
from tests.contract.candidate import Clock, request

LANES, LEASE = 2, 10.0
IDS = st.sampled_from(["a", "b", "c", "d"])
KEYS = {"a": "one", "b": "one", "c": "two", "d": "three"}
WORKERS = st.integers(0, 2)


@dataclass
class Run:
    """One run of an id, in its lane; `state` is queued until it is over: who runs it is the lane's to know."""

    request_id: str
    epoch: int
    payload: bytes
    place: tuple[int, int]
    state: JobState = "queued"
    gone: bool = False
    answers: list[bytes] = field(default_factory=list)


@dataclass
class Lane:
    """Runs in order; who owns the first that is not gone, since when, and how often it was begun."""

    runs: list[Run] = field(default_factory=list)
    owner: int | None = None
    kept_at: float = 0.0
    token: int = 0
    attempts: int = 0

    def head(self) -> Run | None:
        """The oldest that a worker is still to have, or to let go of."""
        return next((run for run in self.runs if not run.gone), None)

    def leave(self) -> None:
        """Nobody has the head any more."""
        self.owner = None

    def advance(self) -> None:
        """The head is over."""
        head = self.head()
        assert head is not None
        head.gone, self.attempts, self.owner = True, 0, None


@dataclass
class Held:
    """A claim as its worker holds it, perhaps long after another has taken over."""

    claim: Claim
    token: int
    lane: Lane
    run: Run


class QueueLife(RuleBasedStateMachine):
    """`make` is set by the test: a clock → the queue."""

    make: Callable[[Clock], Queue]

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.queue = type(self).make(self.clock)
        self.producer, self.ledger, self.results = self.queue.producer(), self.queue.ledger(), self.queue.results()
        self.workers: list[Consumer] = [self.queue.consumer(f"w{number}") for number in range(3)]
        self.held: list[Held | None] = [None, None, None]
        self.lanes = [Lane() for _ in range(LANES)]
        self.newest: dict[str, Run] = {}

    def teardown(self) -> None:
        self.queue.close()

    @rule(request_id=IDS, payload=st.sampled_from([b"x", b"y"]))
    def append(self, request_id: str, payload: bytes) -> None:
        known = self.newest.get(request_id)
        asked = request(request_id, payload, KEYS[request_id])
        if known is not None and known.state not in ENDED - {"done"}:
            if known.payload != payload:
                return self.refused(RequestConflict, lambda: self.producer.append(asked))
            receipt = self.producer.append(asked)
            assert (receipt.partition, receipt.offset, receipt.epoch) == (*known.place, known.epoch)
            assert receipt.repeated
            return None
        receipt = self.producer.append(asked)
        assert not receipt.repeated
        run = Run(request_id, known.epoch + 1 if known else 1, payload, (receipt.partition, receipt.offset))
        assert receipt.epoch == run.epoch
        self.lanes[receipt.partition].runs.append(run)
        self.newest[request_id] = run
        return None

    @rule(worker=WORKERS)
    def claim(self, worker: int) -> None:
        free = [lane for lane in self.lanes if lane.head() and self.is_free(lane, worker)]
        claim = self.workers[worker].claim(0.0)
        if claim is None:
            assert not free
            self.held[worker] = None
            return
        lane = self.lanes[claim.partition]
        run = lane.head()
        assert lane in free
        assert run is not None
        assert (claim.request.request_id, claim.epoch, claim.request.payload) == (
            run.request_id,
            run.epoch,
            run.payload,
        )
        assert ((claim.partition, claim.offset), claim.attempts) == (run.place, lane.attempts)
        lane.owner, lane.kept_at, lane.token = worker, self.clock(), lane.token + 1
        self.held[worker] = Held(claim, lane.token, lane, run)

    def is_free(self, lane: Lane, worker: int) -> bool:
        return lane.owner in (None, worker) or self.clock() - lane.kept_at >= LEASE

    def owns(self, worker: int, held: Held) -> bool:
        return (held.lane.owner, held.lane.token, held.run.gone) == (worker, held.token, False)

    def holding(self, worker: int, verb: Callable[[Consumer, Claim], Any], whatever: bool = False) -> Held | None:
        """Do it; what was done to whom, or None where it was refused as it had to be."""
        held = self.held[worker]
        if held is None:
            return None
        error: type[EmoTalkError] | None = None
        if not self.owns(worker, held):
            error = ClaimLost
        elif held.run.state in ENDED and not whatever:
            error = JobCancelled
        if error is not None:
            self.refused(error, lambda: verb(self.workers[worker], held.claim))
            return None
        verb(self.workers[worker], held.claim)
        return held

    def refused(self, error: type[EmoTalkError], call: Callable[[], Any]) -> None:
        try:
            call()
        except error:
            return
        raise AssertionError(f"{error.__name__} was due")

    @rule(worker=WORKERS)
    def begin(self, worker: int) -> None:
        held = self.held[worker]
        attempt = held.claim.attempts + 1 if held else 0
        if held := self.holding(worker, lambda consumer, claim: consumer.begin(claim, attempt)):
            held.lane.attempts = attempt

    @rule(worker=WORKERS)
    def keep(self, worker: int) -> None:
        if held := self.holding(worker, lambda consumer, claim: consumer.keep(claim)):
            held.lane.kept_at = self.clock()

    @rule(worker=WORKERS, payloads=st.lists(st.sampled_from([b"1", b"2"]), min_size=1, max_size=3))
    def publish(self, worker: int, payloads: list[bytes]) -> None:
        if held := self.holding(worker, lambda consumer, claim: consumer.publish(claim, payloads)):
            held.run.answers += payloads

    @rule(worker=WORKERS)
    def complete(self, worker: int) -> None:
        if held := self.holding(worker, lambda consumer, claim: consumer.complete(claim), whatever=True):
            if held.run.state not in ENDED:
                held.run.state = "done"
            held.lane.advance()
            self.held[worker] = None

    @rule(worker=WORKERS, fails=st.booleans())
    def work_one_off(self, worker: int, fails: bool) -> None:
        """The usual course, so that lives get on."""
        self.claim(worker)
        self.begin(worker)
        self.publish(worker, [b"3"])
        self.bury(worker) if fails else self.complete(worker)

    @rule(worker=WORKERS)
    def bury(self, worker: int) -> None:
        if held := self.holding(worker, lambda consumer, claim: consumer.bury(claim, b"letter", "why", [b"sorry"])):
            held.run.state = "dead"
            held.run.answers.append(b"sorry")
            held.lane.advance()
            self.held[worker] = None

    @rule(worker=WORKERS)
    def give_back(self, worker: int) -> None:
        if held := self.holding(worker, lambda consumer, claim: consumer.give_back(claim), whatever=True):
            held.lane.attempts = max(held.claim.attempts, held.lane.attempts - 1)
            held.lane.leave()
            self.held[worker] = None

    @rule(worker=WORKERS)
    def die_and_come_back(self, worker: int) -> None:
        """kill -9: nothing is closed. The next life has the name, and knows nothing."""
        self.workers[worker] = self.queue.consumer(f"w{worker}")
        self.held[worker] = None

    @rule(worker=WORKERS)
    def leave_in_order(self, worker: int) -> None:
        held = self.held[worker]
        self.workers[worker].close()
        if held and self.owns(worker, held):
            held.lane.leave()
        self.workers[worker], self.held[worker] = self.queue.consumer(f"w{worker}"), None

    @rule(seconds=st.sampled_from([1.0, 5.0, LEASE]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule(request_id=IDS, by_hand=st.sampled_from(["cancelled", "dead"]))
    def take_away(self, request_id: str, by_hand: JobState) -> None:
        row = self.ledger.find(request_id)
        if row is None:
            return
        if by_hand == "dead":
            after = self.ledger.bury(row, b"letter", "by hand", [b"over"])
        else:
            after = self.ledger.cancel(row, [b"over"])
        run = self.newest[request_id]
        if run.state in ENDED:
            assert after.state == run.state
            return
        run.state = by_hand
        run.answers.append(b"over")
        lane = self.lanes[run.place[0]]
        at_head = lane.head() is run
        run.gone = not at_head or lane.owner is None  # whoever has it, even if he is dead, is to let go of it
        if at_head and run.gone:
            lane.attempts = 0

    @precondition(lambda self: any(run.state == "dead" for run in self.newest.values()))
    @rule(request_id=IDS)
    def delete_letters(self, request_id: str) -> None:
        dead = [run for lane in self.lanes for run in lane.runs if (run.request_id, run.state) == (request_id, "dead")]
        assert self.ledger.delete(request_id) == len(dead)
        for run in dead:
            run.state = "failed"

    @invariant()
    def everyone_is_told_where_it_stands(self) -> None:
        for request_id, run in self.newest.items():
            row = self.ledger.find(request_id)
            assert row is not None
            assert (row.state, row.epoch, (row.partition, row.offset)) == (self.state_of(run), run.epoch, run.place)

    def state_of(self, run: Run) -> JobState:
        lane = self.lanes[run.place[0]]
        runs = lane.head() is run and lane.owner is not None and self.clock() - lane.kept_at < LEASE
        return "running" if runs and run.state == "queued" else run.state

    @invariant()
    def the_newest_run_has_its_answers_and_no_others(self) -> None:
        for request_id, run in self.newest.items():
            assert [each.payload for each in self.results.read(request_id, (0, 0), 99)] == run.answers

    @invariant()
    def what_is_over_keeps_no_voice(self) -> None:
        for row in self.ledger.rows():
            if row.state == "done":
                assert self.ledger.payload(row) == b""
