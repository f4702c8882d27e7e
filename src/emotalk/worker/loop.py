"""Takes requests one at a time, in order: claim → begin → animate → publish → commit.

The job runs on a thread of its own (animation.py), so that this one can keep the claim alive, watch for a hang and hear
the signal to stop. What is tried again, and when, is decided in jobs/retry.py; what a claim is, in queues/base.py.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from threading import Event
from typing import TypeVar

from emotalk import metrics, tracing
from emotalk.errors import (
    ClaimLost,
    ConfigurationError,
    EmoTalkError,
    EngineError,
    ForeignRecord,
    JobCancelled,
    QueueFull,
    QueueUnavailable,
)
from emotalk.jobs import DeadLetter, Failure, Job, Part, retry
from emotalk.jobs.codec import decode_job, encode_letter, encode_part
from emotalk.pipeline import Pipeline
from emotalk.queues.base import MAX_MESSAGE_BYTES, Claim, Consumer
from emotalk.worker.animation import Animation

log = logging.getLogger(__name__)

KEEP_EVERY = 0.5
CLAIM_WAIT = 1.0
OUTAGE_WAIT = 1.0
HOUSEKEEP_FIRST, HOUSEKEEP_EVERY = 60.0, 3600.0
HANG_SECONDS, HANG_FACTOR = 60.0, 20.0
STILL_SECONDS = 180.0
"""Longer than any call of ours takes: a write to Kafka that is stuck is given up after two minutes."""

LETTER_BYTES = MAX_MESSAGE_BYTES + 2**19
"""All of any record of ours. A stranger's that came compressed may be larger than what any log takes back."""

OUTAGES = (QueueUnavailable, QueueFull)
"""The log's own troubles, a full disk among them: the worker waits, and no attempt is counted."""

T = TypeVar("T")


class JobHung(EngineError):
    """The engine does not come back, and only the end of the process can end it. The attempt counts."""


class Stopped(EmoTalkError):
    """The worker was asked to stop."""


class Worker:
    """One consumer, one pipeline. Once `stop` is set, the job in hand has `drain_seconds` to end.

    An engine that computes for longer than `hang_seconds` + 20 × the clip's duration is taken for hung. `alive` is
    called again within the seconds that it is given, unless this thread does not get to run any more.
    """

    def __init__(
        self,
        consumer: Consumer,
        pipeline: Pipeline,
        stop: Event,
        *,
        drain_seconds: float = 30.0,
        hang_seconds: float = HANG_SECONDS,
        alive: Callable[[float], object] = lambda seconds: None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._consumer, self._pipeline, self._stop = consumer, pipeline, stop
        self._drain_seconds, self._hang_seconds, self._alive = drain_seconds, hang_seconds, alive
        self._clock, self._monotonic = clock, monotonic
        self._pause = pause
        self._stopping_since: float | None = None
        # Not at once: on Kafka nothing is ours yet. Nor after an hour: a worker may not live that long.
        self._next_housekeeping = monotonic() + HOUSEKEEP_FIRST
        self._stood_by = False

    def run(self) -> None:
        """Work until told to stop. Raises JobHung and NewerRecord: then this process must end and be started anew."""
        while not self._stop.is_set():
            self._alive(STILL_SECONDS)
            try:
                self._housekeep()
                claim = self._patiently(lambda: self._consumer.claim(CLAIM_WAIT), self._stop.is_set)
                if claim:
                    with metrics.RUNNING.track_inprogress():
                        self._work(claim)
                else:
                    self._say_whether_standing_by()
            except ClaimLost as lost:
                metrics.CLAIMS_LOST.inc()
                log.warning("claim lost", extra={"error": str(lost), "fix": "none needed: its new owner does it again"})
            except Stopped:
                break

    def hurry(self) -> None:
        """Asked a second time: give the job in hand back at once."""
        self._drain_seconds = 0.0

    def _work(self, claim: Claim) -> None:
        try:
            self._answer_or_bury(claim)
        except JobCancelled as cancelled:
            self._patiently(lambda: self._consumer.complete(claim))
            metrics.CANCELLED.inc()
            log.info("taken away", extra=self._story(claim, claim.attempts, error=str(cancelled)))

    def _answer_or_bury(self, claim: Claim) -> None:
        try:
            job = decode_job(claim.request.payload)
        except ForeignRecord as foreign:
            return self._bury(claim, claim.attempts, foreign)
        attempts = claim.attempts
        error: EmoTalkError | None = retry.before(attempts)
        if error:
            return self._bury(claim, attempts, error)
        while True:
            attempts += 1
            error = self._attempt(claim, job, attempts)
            if error is None:
                return None
            decision = retry.decide(attempts, error)
            if isinstance(decision, retry.Bury):
                return self._bury(claim, attempts, error)
            self._wait_to_retry(claim, attempts, decision.delay, error)

    def _attempt(self, claim: Claim, job: Job, attempt: int) -> EmoTalkError | None:
        if attempt == 1:
            tracing.past("wait", job.submitted_at, parent=claim.request.headers)
        place = f"{claim.partition}:{claim.offset}"
        brought, named = claim.request.headers, job.request_id
        with tracing.span("attempt", parent=brought, kind="consumer", attempt=attempt, request_id=named, place=place):
            return self._traced(claim, job, attempt)

    def _traced(self, claim: Claim, job: Job, attempt: int) -> EmoTalkError | None:
        waited = max(0.0, self._clock() - job.submitted_at)
        with tracing.span("claim", attempt=attempt):
            self._patiently(lambda: self._consumer.begin(claim, attempt))
        metrics.begun(attempt, waited)
        try:
            log.info("start", extra=self._story(claim, attempt, waited_s=waited, seconds=job.seconds))
            return self._perform(claim, job, attempt)
        except Stopped:
            self._give_back(claim, attempt)
            raise

    def _perform(self, claim: Claim, job: Job, attempt: int) -> EmoTalkError | None:
        since = self._monotonic()
        limit = self._limit(job)
        self._alive(limit)
        animation = Animation(self._pipeline, job, lambda parts: self._publish(claim, parts, limit), self._monotonic)
        error = self._outcome(claim, job, attempt, animation)
        if error is None:
            engine = animation.engine_seconds()
            metrics.completed(job.seconds, self._monotonic() - since, engine)
            log.info("finish", extra=self._story(claim, attempt, frames=job.frames, rtf=engine / job.seconds))
        else:
            tracing.fail(error)
        return error

    def _outcome(self, claim: Claim, job: Job, attempt: int, animation: Animation) -> EmoTalkError | None:
        in_vain = True
        try:
            self._keep_until_done(claim, job, animation)
            error = animation.error
            if isinstance(error, ClaimLost | JobCancelled | Stopped):
                raise error
            if error is None:
                # Only now: every part is acknowledged, so a crash before this line repeats the job and loses nothing.
                with tracing.span("commit"):
                    self._patiently(lambda: self._consumer.complete(claim))
                in_vain = False
            return error
        except JobCancelled:
            in_vain = False
            raise
        except (ClaimLost, Stopped):
            log.warning("in vain", extra=self._story(claim, attempt, repeated_s=animation.sound_seconds))
            raise
        finally:
            if in_vain:  # whoever does the job again animates this much of it a second time
                metrics.REPEATED_SECONDS.inc(animation.sound_seconds)

    def _keep_until_done(self, claim: Claim, job: Job, animation: Animation) -> None:
        limit = self._limit(job)
        while not animation.wait(KEEP_EVERY):
            self._alive(limit)
            self._keep(claim, animation)
            if animation.engine_seconds() > limit:
                raise JobHung(f"{job.request_id}: the engine did not come back within {limit:.0f} s")
            if self._drained():
                stopped = Stopped("asked to stop")
                animation.abandon(stopped)
                raise stopped

    def _keep(self, claim: Claim, animation: Animation) -> None:
        try:
            self._consumer.keep(claim)
        except OUTAGES as outage:
            log.warning("queue unavailable", extra={"error": str(outage), "fix": "waiting for it; nothing is lost"})
        except (ClaimLost, JobCancelled) as over:
            animation.abandon(over)

    def _limit(self, job: Job) -> float:
        """Seconds of computing after which an engine is taken for hung."""
        return self._hang_seconds + HANG_FACTOR * job.seconds

    def _publish(self, claim: Claim, parts: list[Part], limit: float) -> None:
        records = [encode_part(replace(part, epoch=claim.epoch)) for part in parts]
        with metrics.PUBLISH_SECONDS.time(), tracing.span("publish", records=len(records)):
            self._patiently(lambda: self._consumer.publish(claim, records))
        # Here, not in half a second: the next window may hang in native code that lets no thread of ours run.
        self._alive(limit)

    def _wait_to_retry(self, claim: Claim, attempt: int, delay: float, error: EmoTalkError) -> None:
        log.warning(
            "retry", extra=self._story(claim, attempt, delay_s=delay, error=str(error)), exc_info=error.__cause__
        )
        metrics.RETRIES.labels(type(error).__name__).inc()
        until = self._monotonic() + delay
        while (left := until - self._monotonic()) > 0:
            self._pause(min(left, KEEP_EVERY))
            if self._stop.is_set():
                raise Stopped("asked to stop between attempts")
            self._patiently(lambda: self._consumer.keep(claim))

    def _bury(self, claim: Claim, attempts: int, error: EmoTalkError) -> None:
        request = claim.request
        payload = request.payload[:LETTER_BYTES]
        cut = f" (its first {len(payload)} bytes of {len(request.payload)})" * (payload != request.payload)
        failure = Failure(type(error).__name__, f"{error}{cut}")
        letter = DeadLetter(
            request.request_id, payload, failure, attempts, self._clock(), claim.partition, claim.offset
        )
        fingerprint = self._pipeline.fingerprint
        heard = Part(request.request_id, fingerprint, failure=failure, digest=request.digest, epoch=claim.epoch)
        with tracing.span("bury", parent=request.headers, attempts=attempts):
            tracing.fail(error)
            self._patiently(
                lambda: self._consumer.bury(
                    claim, encode_letter(letter), f"{failure.kind}: {error}", [encode_part(heard)]
                )
            )
        metrics.BURIED.labels(failure.kind).inc()
        fix = f"see it with: emotalk jobs show {request.request_id}, and this worker's --queue"
        log.error("bury", extra=self._story(claim, attempts, error=str(error), fix=fix), exc_info=error.__cause__)

    def _give_back(self, claim: Claim, attempt: int) -> None:
        try:
            self._consumer.give_back(claim)
        except (*OUTAGES, ClaimLost) as error:
            log.warning("not given back", extra=self._story(claim, attempt, error=str(error)))
        else:
            metrics.GIVEN_BACK.inc()
            log.info("given back", extra=self._story(claim, attempt))

    def _patiently(self, call: Callable[[], T], enough: Callable[[], bool] | None = None) -> T:
        """An outage of the log makes the worker wait; it is no attempt and loses nothing."""
        enough = enough or self._drained
        while True:
            self._alive(STILL_SECONDS)
            try:
                return call()
            except OUTAGES as outage:
                if enough():
                    raise Stopped("asked to stop while the queue is away") from outage
                metrics.OUTAGES.inc()
                log.warning("queue unavailable", extra={"error": str(outage), "fix": "waiting for it; nothing is lost"})
                self._pause(OUTAGE_WAIT)

    def _drained(self) -> bool:
        if not self._stop.is_set():
            return False
        if self._stopping_since is None:
            self._stopping_since = self._monotonic()
        return self._monotonic() - self._stopping_since >= self._drain_seconds

    def _say_whether_standing_by(self) -> None:
        standing_by = self._consumer.standing_by()
        if standing_by and not self._stood_by:
            log.info("standing by", extra={"fix": "none needed: another worker owns every partition"})
        self._stood_by = standing_by

    def _housekeep(self) -> None:
        if self._monotonic() < self._next_housekeeping:
            return
        self._next_housekeeping = self._monotonic() + HOUSEKEEP_EVERY
        try:
            self._consumer.housekeep()
        except (*OUTAGES, ConfigurationError) as error:  # a broker that forbids deleting is no reason not to work
            log.warning("housekeeping put off", extra={"error": str(error), "fix": "it is tried again in an hour"})

    @staticmethod
    def _story(claim: Claim, attempt: int, **more: object) -> dict[str, object]:
        rounded = {name: round(value, 3) if isinstance(value, float) else value for name, value in more.items()}
        place = {"partition": claim.partition, "offset": claim.offset}
        return {"request_id": claim.request.request_id, "attempt": attempt, **place, **rounded}
