"""claim → begin → animate → publish → commit, with everything that can go wrong on the way."""

from collections.abc import Callable
from functools import partial
from itertools import count
from threading import Event

import pytest

from emotalk import metrics
from emotalk.errors import ClaimLost, EngineError, NewerRecord, QueueFull, QueueUnavailable
from emotalk.jobs import Job, Part, actions
from emotalk.jobs.codec import VERSION, decode_letter, encode_job
from emotalk.jobs.intake import as_request
from emotalk.pipeline import Pipeline
from emotalk.queues.base import Claim, Record
from emotalk.queues.memory import MemoryQueue
from emotalk.worker.attempt import JobHung
from emotalk.worker.loop import Worker
from tests.unit.stage import NOW, Clock, Scripted, Unreliable, job, parts_of

AWAY = QueueUnavailable("away")


class House:
    """A queue, a worker on it, and a clock that only moves when the worker waits."""

    def __init__(self, *cues: "BaseException | Callable[[], object] | None", drain_seconds: float = 30.0) -> None:
        self.clock, self.stop = Clock(), Event()
        self.away = 0.0
        self.queue = MemoryQueue(lambda: NOW + self.away)
        self.results = self.queue.results()
        self.engine = Scripted(*cues)
        self.drain_seconds, self.hang_seconds = drain_seconds, 60.0
        self.letter_bytes = 2**20
        self.alive: list[float] = []
        self.consumer = Unreliable(self.queue.consumer("worker"))
        self.consumer.real.claim = self._claim_at_once(self.consumer.real.claim)

    @staticmethod
    def _claim_at_once(claim: Callable[[float], Claim | None]) -> Callable[[float], Claim | None]:
        """Without waiting; and a worker that should have stopped fails its test instead of going on for ever."""
        idle = count(1)

        def claim_at_once(_: float) -> Claim | None:
            found = claim(0)
            assert found or next(idle) < 100, "the worker does not stop"
            return found

        return claim_at_once

    def submit(self, *jobs: Job) -> "House":
        for each in jobs:
            self.queue.producer().append(as_request(each))
        return self

    def worker(self) -> Worker:
        return Worker(
            self.consumer,
            Pipeline(self.engine),
            self.stop,
            drain_seconds=self.drain_seconds,
            hang_seconds=self.hang_seconds,
            letter_bytes=self.letter_bytes,
            alive=self.alive.append,
            clock=lambda: NOW + 5,
            monotonic=self.clock,
            pause=self.clock.sleep,
        )

    def work(self) -> "House":
        """Until nothing is left to claim."""
        claim, stop = self.consumer.real.claim, self.stop

        def claim_or_stop(_: float) -> object:
            found = claim(0)
            if found is None:
                stop.set()
            return found

        self.consumer.real.claim = claim_or_stop
        try:
            self.worker().run()
        finally:
            self.consumer.real.claim = claim
        return self

    def heard(self) -> list[Part]:
        return parts_of(self.results.poll(0))

    def states(self) -> dict[str, str]:
        return {row.request_id: row.state for row in self.queue.jobs()}

    def attempts_of_the_next(self) -> int:
        claim = self.queue.consumer("successor").claim(0)
        assert claim is not None
        return claim.attempts


def frames_of(parts: list[Part]) -> list[int]:
    return [n for part in parts for n in range(part.first_frame, part.first_frame + len(part.frames))]


@pytest.fixture
def undisturbed() -> list[Part]:
    """What a worker answers to the job `one` when nothing goes wrong."""
    return House().submit(job()).work().heard()


def windows_of(one: Job) -> int:
    return one.performance.chunking.chunks(one.samples)


def same(heard: list[Part], expected: list[Part]) -> bool:
    def facts(part: Part) -> tuple[object, ...]:
        place = part.chunk_index, part.first_frame, part.total_frames, part.ends_chunk
        return (part.fingerprint, *place, part.frames.tobytes())

    return [facts(part) for part in heard] == [facts(part) for part in expected]


def test_jobs_are_done_one_at_a_time_in_the_order_of_their_arrival() -> None:
    house = House().submit(*(job(f"{n}", seconds=3 - n / 2) for n in range(5))).work()
    ids = [part.request_id for part in house.heard()]
    assert ids == sorted(ids)
    assert house.states() == {f"{n}": "done" for n in range(5)}


def test_every_frame_of_a_job_is_published_once_and_in_order(undisturbed: list[Part]) -> None:
    assert frames_of(undisturbed) == list(range(90))
    assert all(part.total_frames == 90 for part in undisturbed)
    assert undisturbed[-1].ends_chunk


def test_parts_hold_256_frames_at_most_and_only_the_last_of_a_chunk_ends_it() -> None:
    from emotalk.performance import Performance

    parts = House().submit(job(seconds=30, performance=Performance())).work().heard()
    assert [len(part.frames) for part in parts] == [256, 256, 221, 167]
    assert [part.ends_chunk for part in parts] == [False, False, True, True]
    assert frames_of(parts) == list(range(900))


def test_the_attempt_is_recorded_before_the_work_and_the_job_completed_after_the_last_result() -> None:
    house = House()
    house.engine.cues = [lambda: house.consumer.done.append("animate")]
    house.submit(job()).work()
    story = [verb for verb in house.consumer.done if verb not in ("housekeep", "keep", "standing_by")]
    assert story[:3] == ["claim", "begin", "animate"]
    assert story.index("complete") > max(i for i, verb in enumerate(story) if verb == "publish")
    assert story.count("begin") == story.count("complete") == 1


def test_nothing_is_completed_while_the_last_result_is_not_acknowledged() -> None:
    house = House().submit(job())
    chunks = len(House().submit(job()).work().heard())
    house.consumer.cues["publish"] = [*[lambda: None] * (chunks - 1), AWAY, lambda: house.consumer.done.append("late")]
    house.work()
    done = house.consumer.done
    assert done.index("late") < done.index("complete")
    assert house.states() == {"one": "done"}


@pytest.mark.parametrize("verb", ["claim", "begin", "publish", "complete", "housekeep"])
@pytest.mark.parametrize("outage", [AWAY, QueueFull("disk full")], ids=["away", "full"])
def test_an_outage_makes_the_worker_wait_and_costs_no_attempt(
    verb: str, outage: Exception, undisturbed: list[Part], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emotalk.worker.loop.HOUSEKEEP_FIRST", 0.0)
    house = House().submit(job())
    house.consumer.on(verb, *[outage] * 7)
    house.work()
    assert same(house.heard(), undisturbed)
    assert house.states() == {"one": "done"}
    assert house.consumer.done.count("begin") == 1


def test_of_a_strangers_record_that_no_log_would_take_back_the_beginning_is_buried() -> None:
    house = House()
    house.letter_bytes = 5
    house.queue.producer().append(Record("stranger", "k", "", b"0123456789"))
    house.work()
    (row,) = house.queue.jobs()
    letter = decode_letter(house.queue.ledger().payload(row))
    assert letter.payload == b"01234"
    assert "its first 5 bytes of 10" in letter.failure.message


def test_an_outage_at_the_grave_waits_too_and_buries_once() -> None:
    house = House(*[EngineError("NaN")] * 5).submit(job())
    house.consumer.on("bury", AWAY, AWAY, QueueFull("full"))
    house.work()
    assert house.states() == {"one": "dead"}
    assert len(house.heard()) == 1


def test_a_publish_whose_answer_was_lost_is_repeated_and_readers_can_tell(undisturbed: list[Part]) -> None:
    house = House().submit(job())
    house.consumer.then("publish", AWAY)
    house.work()
    heard = house.heard()
    assert same(heard[1:], undisturbed)
    assert heard[0].first_frame == heard[1].first_frame == 0


def test_an_engine_that_fails_is_tried_again_after_one_three_nine_seconds(undisturbed: list[Part]) -> None:
    house = House(*[EngineError("out of luck")] * 3).submit(job()).work()
    assert same(house.heard(), undisturbed)
    assert sum(house.clock.waits) == pytest.approx(1 + 3 + 9)
    assert house.consumer.done.count("begin") == 4
    assert max(house.clock.waits) <= 0.5, "a claim must be kept every second"


def test_a_defect_in_the_engine_is_tried_again_like_any_failure(undisturbed: list[Part]) -> None:
    house = House(ZeroDivisionError("oops"), MemoryError()).submit(job()).work()
    assert same(house.heard(), undisturbed)


def test_after_five_attempts_a_job_is_buried_with_everything_and_its_client_hears() -> None:
    house = House(*[EngineError("NaN")] * 9).submit(job(), job("two")).work()
    parts = house.heard()
    (failed,) = [part for part in parts if part.request_id == "one"]
    assert failed.failure is not None
    assert (failed.failure.kind, failed.failure.message) == ("EngineError", "NaN")
    assert house.states() == {"one": "dead", "two": "done"}
    (dead,) = [row for row in house.queue.jobs() if row.request_id == "one"]
    letter = decode_letter(house.queue.ledger().payload(dead))
    assert (letter.request_id, letter.attempts, letter.failure.message) == ("one", 5, "NaN")
    assert (letter.partition, letter.offset, letter.buried_at) == (0, 0, NOW + 5)
    assert letter.payload == encode_job(job())


def test_what_can_never_succeed_is_buried_at_once_without_a_pause() -> None:
    damaged = job()
    house = House().submit(Job(**{**vars(damaged), "flac": damaged.flac[:500]})).work()
    assert house.states() == {"one": "dead"}
    assert house.consumer.done.count("begin") == 1
    assert house.clock.waits == []


def test_sound_that_is_shorter_than_promised_is_buried_and_never_invented() -> None:
    house = House().submit(Job(**{**vars(job()), "samples": 160_000})).work()
    assert house.states() == {"one": "dead"}
    assert house.heard()[-1].failure is not None


def test_a_record_that_is_not_ours_is_buried_with_its_reason_and_the_next_is_done() -> None:
    house = House()
    house.queue.producer().append(Record("alien", "s", "d", b"from outer space", {}))
    house.submit(job()).work()
    assert house.states() == {"alien": "dead", "one": "done"}
    (dead,) = [row for row in house.queue.jobs() if row.state == "dead"]
    assert "ForeignRecord" in dead.error
    assert decode_letter(house.queue.ledger().payload(dead)).payload == b"from outer space"


def test_a_newer_record_is_left_in_its_place_uncounted_for_a_newer_worker() -> None:
    house = House()
    newer = bytearray(encode_job(job()))
    newer[5] = VERSION + 1
    house.queue.producer().append(Record("newer", "s", "d", bytes(newer), {}))
    with pytest.raises(NewerRecord):
        house.worker().run()
    house.consumer.close()
    assert house.states() == {"newer": "queued"}
    assert house.attempts_of_the_next() == 0
    assert house.heard() == []


@pytest.mark.parametrize("deaths", range(5))
def test_a_job_whose_workers_died_goes_on_at_the_next_attempt(deaths: int, undisturbed: list[Part]) -> None:
    house = House().submit(job())
    for death in range(deaths):
        doomed = house.queue.consumer(f"doomed {death}")
        claim = doomed.claim(0)
        assert claim is not None
        doomed.begin(claim, claim.attempts + 1)
        doomed.close()
    house.work()
    assert same(house.heard(), undisturbed)
    (row,) = house.queue.jobs()
    assert row.attempts == deaths + 1


def test_a_job_that_killed_five_workers_does_not_get_a_sixth() -> None:
    house = House().submit(job())
    for death in range(5):
        doomed = house.queue.consumer(f"doomed {death}")
        doomed.begin(doomed.claim(0), death + 1)  # type: ignore[arg-type]
        doomed.close()
    house.work()
    assert house.states() == {"one": "dead"}
    assert house.engine.windows == 0


def test_a_claim_that_is_lost_while_working_ends_at_the_next_window_and_the_next_job_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("emotalk.worker.attempt.LOOK_EVERY", 0.001)
    house = House().submit(job("taken"), job("two"))
    let_go, window = long_window(house)
    house.engine.cues = [window]

    def lose() -> None:
        house.away += 100  # longer than any lease
        successor = house.queue.consumer("successor")
        claim = successor.claim(0)
        assert claim is not None
        successor.complete(claim)

    house.consumer.on("keep", lose)
    house.consumer.on("keep", let_go.set)
    house.work()
    assert {part.request_id for part in house.heard()} == {"two"}, "the new owner answers the first"
    assert house.consumer.done.count("complete") == 1
    assert house.engine.windows < 1 + 2 * windows_of(job())


@pytest.mark.parametrize(
    ("verb", "failures", "end"),
    [("begin", 0, "done"), ("publish", 0, "done"), ("complete", 0, "done"), ("bury", 5, "dead")],
)
def test_a_claim_that_is_lost_at_any_step_is_left_to_its_new_owner(verb: str, failures: int, end: str) -> None:
    house = House(*[EngineError("NaN")] * failures).submit(job())
    house.consumer.on(verb, ClaimLost("gone"))
    house.work()
    # Here the same worker is the new owner too: it claims the job again.
    assert house.states() == {"one": end}
    assert house.consumer.done.count("claim") >= 2


def test_a_claim_that_is_lost_between_two_attempts_is_let_go() -> None:
    house = House(EngineError("NaN")).submit(job())
    house.consumer.on("keep", ClaimLost("gone"))
    house.work()
    assert house.states() == {"one": "done"}
    assert house.consumer.done.count("claim") >= 2


def test_asked_to_stop_the_worker_ends_what_it_holds_and_takes_nothing_new(undisturbed: list[Part]) -> None:
    house = House().submit(job(), job("two"))
    house.engine.cues = [house.stop.set]
    house.worker().run()
    assert house.states() == {"one": "done", "two": "queued"}
    assert same(house.heard(), undisturbed)


def long_window(house: House) -> tuple[Event, Callable[[], None]]:
    """A window that lasts until the test lets it go; meanwhile the worker's looks at its claim move the clock."""
    let_go, began = Event(), Event()
    real_keep = house.consumer.real.keep

    def keep(claim: object) -> None:
        house.clock.now += began.is_set()
        real_keep(claim)

    house.consumer.real.keep = keep

    def window() -> None:
        began.set()
        assert let_go.wait(30)

    return let_go, window


def test_asked_to_stop_in_a_long_window_the_attempt_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emotalk.worker.attempt.LOOK_EVERY", 0.001)
    house = House(drain_seconds=10.0).submit(job())
    let_go, window = long_window(house)
    house.engine.cues = [lambda: (house.stop.set(), window())]
    house.worker().run()
    assert house.clock.now >= 110
    assert house.attempts_of_the_next() == 0
    let_go.set()
    assert house.heard() == []


def test_asked_twice_the_worker_gives_the_job_back_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emotalk.worker.attempt.LOOK_EVERY", 0.001)
    house = House(drain_seconds=1e9).submit(job())
    let_go, window = long_window(house)
    worker = house.worker()
    house.engine.cues = [lambda: (house.stop.set(), worker.hurry(), window())]
    worker.run()
    assert house.clock.now < 110
    assert house.attempts_of_the_next() == 0
    let_go.set()


def test_asked_to_stop_between_attempts_the_failed_one_still_counts() -> None:
    house = House(EngineError("NaN")).submit(job())
    house.consumer.on("keep", house.stop.set)
    house.worker().run()
    house.consumer.close()
    assert house.attempts_of_the_next() == 1


def test_asked_to_stop_while_the_queue_is_away_the_worker_still_gives_it_its_time(undisturbed: list[Part]) -> None:
    house = House().submit(job())
    house.engine.cues = [house.stop.set]
    house.consumer.on("publish", *[AWAY] * 5)
    house.worker().run()
    assert same(house.heard(), undisturbed)
    assert house.states() == {"one": "done"}


def test_a_queue_that_stays_away_ends_a_draining_worker_without_counting_the_attempt() -> None:
    house = House(drain_seconds=10.0).submit(job())
    house.engine.cues = [house.stop.set]
    house.consumer.on("publish", *[AWAY] * 100)
    house.worker().run()
    assert 110 <= house.clock.now < 120
    assert house.attempts_of_the_next() == 0


def test_an_idle_worker_stops_although_the_queue_is_away() -> None:
    house = House()

    def told_to_stop_meanwhile() -> None:
        house.stop.set()
        raise AWAY

    house.consumer.on("claim", AWAY, AWAY, told_to_stop_meanwhile, *[AWAY] * 100)
    house.worker().run()
    assert house.clock.now == 102, "two waits of a second, and no more once it was told"


@pytest.mark.parametrize("patience", [60.0, 10.0])
def test_a_job_past_its_time_hangs_the_worker_and_its_attempt_counts(
    monkeypatch: pytest.MonkeyPatch, patience: float
) -> None:
    monkeypatch.setattr("emotalk.worker.attempt.LOOK_EVERY", 0.001)
    house = House().submit(job(seconds=3.0))
    house.hang_seconds = patience
    let_go, window = long_window(house)
    house.engine.cues = [window]
    with pytest.raises(JobHung, match=f"{patience + 60:g} s"):
        house.worker().run()
    assert 160 + patience < house.clock.now < 163 + patience, "and twenty times its length"
    house.consumer.close()
    assert house.attempts_of_the_next() == 1
    let_go.set()


def test_from_each_window_on_whoever_watches_from_outside_knows_how_long_it_may_take() -> None:
    told: list[float] = []
    house = House().submit(job(seconds=3.0))
    house.engine.cues = [lambda: told.append(house.alive[-1])] * 4
    house.work()
    assert set(told) == {60.0 + 20 * 3.0}, "a window that lets no thread of ours run is not given the log's patience"
    assert len(told) == 4


def test_waiting_for_the_log_is_not_hanging(undisturbed: list[Part]) -> None:
    house = House().submit(job(seconds=3.0))
    house.consumer.on("publish", *[AWAY] * 1000)
    house.work()
    assert house.clock.now > 1000
    assert same(house.heard(), undisturbed)


def test_an_outage_while_keeping_is_borne(monkeypatch: pytest.MonkeyPatch, undisturbed: list[Part]) -> None:
    monkeypatch.setattr("emotalk.worker.attempt.LOOK_EVERY", 0.001)
    house = House().submit(job())
    let_go, window = long_window(house)
    house.engine.cues = [window]
    house.consumer.on("keep", AWAY, QueueFull("full"), AWAY, let_go.set)
    house.work()
    assert same(house.heard(), undisturbed)


def test_a_redelivered_job_gives_the_same_bytes(undisturbed: list[Part]) -> None:
    house = House().submit(job())
    house.consumer.on("complete", ClaimLost("died before the commit"))
    house.work()
    heard = house.heard()
    half = len(heard) // 2
    assert same(heard[:half], undisturbed)
    assert same(heard[half:], undisturbed)


def test_workers_without_a_name_do_not_take_each_other_s_jobs() -> None:
    queue = MemoryQueue()
    queue.producer().append(as_request(job()))
    assert queue.consumer("").claim(0) is not None
    assert queue.consumer("").claim(0) is None


def test_housekeeping_comes_after_a_minute_when_the_worker_owns_something_and_then_once_an_hour() -> None:
    house = House().submit(*(job(f"{n}", seconds=1.0) for n in range(5)))
    pauses = [59.0, 1.0, 3599.0, 1.0]
    house.consumer.on("complete", *(partial(house.clock.sleep, pause) for pause in pauses))
    house.work()
    story = [verb for verb in house.consumer.done if verb in ("complete", "housekeep")]
    assert story == ["complete", "complete", "housekeep", "complete", "complete", "housekeep", "complete"]


def test_a_worker_that_stands_by_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    house = House().submit(job())
    owner = house.queue.consumer("owner")
    assert owner.claim(0) is not None
    house.consumer.real.claim = lambda _: None
    house.consumer.on("standing_by", lambda: None, lambda: None, house.stop.set)
    with caplog.at_level("INFO", logger="emotalk"):
        house.worker().run()
    assert [record.getMessage() for record in caplog.records].count("standing by") == 1


def test_the_log_has_a_line_for_start_retry_bury_and_finish(caplog: pytest.LogCaptureFixture) -> None:
    house = House(*[EngineError("NaN")] * 6).submit(job(), job("two"))
    with caplog.at_level("INFO", logger="emotalk"):
        house.work()
    told = [(r.getMessage(), r.__dict__["request_id"], r.__dict__["attempt"]) for r in caplog.records]
    assert told[:2] == [("start", "one", 1), ("retry", "one", 1)]
    assert told[8:10] == [("start", "one", 5), ("job buried", "one", 5)]
    assert told[10:] == [("start", "two", 1), ("retry", "two", 1), ("start", "two", 2), ("finish", "two", 2)]
    start = caplog.records[0].__dict__
    assert (start["waited_s"], start["seconds"]) == (5.0, 3.0)
    assert "rtf" in caplog.records[-1].__dict__


def cancels(house: House, request_id: str = "one") -> Callable[[], object]:
    ledger = house.queue.ledger()
    return lambda: actions.cancel(ledger, actions.get_row(ledger, request_id))


def test_a_job_that_is_cancelled_while_it_runs_stops_at_its_next_window_and_the_next_is_done() -> None:
    house = House().submit(job(seconds=20.0), job("two"))
    house.engine.cues[:] = [None, None, cancels(house)]
    house.work()
    assert house.engine.windows < windows_of(job(seconds=20.0))
    assert house.states() == {"one": "cancelled", "two": "done"}
    parts = house.heard()
    assert [part.failure.kind for part in parts if part.failure] == ["JobCancelled"]
    mine = [part for part in parts if part.request_id == "one"]
    assert mine[-1].failure is not None, "something was published after its end"


def test_a_job_that_is_cancelled_between_two_attempts_is_not_tried_again() -> None:
    house = House(EngineError("once")).submit(job(), job("two"))
    sleep, cancel = house.clock.sleep, cancels(house)

    def cancelled_meanwhile(seconds: float) -> None:
        sleep(seconds)
        cancel()

    house.clock.sleep = cancelled_meanwhile  # type: ignore[method-assign]
    house.work()
    assert house.states() == {"one": "cancelled", "two": "done"}
    assert house.engine.windows == 1 + windows_of(job())


def test_a_cancelled_job_makes_room_even_where_the_log_is_away_for_a_while() -> None:
    house = House().submit(job(seconds=20.0), job("two"))
    house.engine.cues[:] = [cancels(house)]
    house.consumer.on("complete", AWAY, AWAY)
    house.work()
    assert house.states() == {"one": "cancelled", "two": "done"}


def test_a_job_that_was_put_aside_is_not_buried_a_second_time() -> None:
    house = House().submit(job(), job("two"))
    ledger = house.queue.ledger()

    def bury_by_hand() -> None:
        actions.bury(ledger, actions.get_row(ledger, "one"), "in the way", lambda: NOW)
        raise EngineError("hopeless")

    house.engine.cues[:] = [bury_by_hand]
    house.work()
    assert house.states() == {"one": "dead", "two": "done"}
    (row,) = [row for row in ledger.rows() if row.state == "dead"]
    assert row.error == "JobFailed: in the way"
    assert decode_letter(ledger.payload(row)).payload == encode_job(job())


def test_each_part_says_which_run_of_its_job_it_belongs_to() -> None:
    house = House().submit(job())
    cancels(house)()
    house.submit(job()).work()
    assert {part.epoch for part in house.heard() if not part.failure} == {2}


def test_seconds_that_are_animated_in_vain_are_counted() -> None:
    """Pushes and windows of a second; the first two windows are whole once two seconds have gone in."""
    before = metrics.REPEATED_SECONDS._value.get()
    house = House(EngineError("no"), None, EngineError("no")).submit(job(seconds=3.5)).work()
    assert house.states() == {"one": "done"}
    assert metrics.REPEATED_SECONDS._value.get() - before == 2.0 + 2.0


def test_a_job_that_moves_to_another_worker_says_how_much_of_it_is_done_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = metrics.REPEATED_SECONDS._value.get()
    house = House().submit(job(seconds=3.0))
    house.consumer.on("publish", lambda: None, ClaimLost("moved"))
    house.work()
    [told] = [record.__dict__ for record in caplog.records if record.getMessage() == "attempt discarded"]
    assert (told["request_id"], told["repeated_s"]) == ("one", 2.0)
    assert metrics.REPEATED_SECONDS._value.get() - before == 2.0


def test_a_job_that_is_done_at_once_is_not_done_in_vain(caplog: pytest.LogCaptureFixture) -> None:
    before = metrics.REPEATED_SECONDS._value.get()
    House().submit(job()).work()
    assert metrics.REPEATED_SECONDS._value.get() == before
    assert "attempt discarded" not in caplog.text
