"""Takes requests one at a time, in order, and tries each until it is answered, cancelled or buried.

attempt.py is one attempt; what is tried again, and when, is decided in jobs/retry.py; what a claim is, in
queues/base.py.
"""

import logging
import time
from collections.abc import Callable
from itertools import count
from threading import Event

from emotalk import metrics
from emotalk.errors import ClaimLost, ConfigurationError, EmoTalkError, ForeignRecord, JobCancelled
from emotalk.jobs import Job, retry
from emotalk.jobs.codec import decode_job
from emotalk.limits import MAX_RECORD_MIB, letter_bytes
from emotalk.pipeline import Pipeline
from emotalk.queues.base import Claim, Consumer
from emotalk.worker.attempt import HANG_SECONDS, Tools, perform, story
from emotalk.worker.burial import bury
from emotalk.worker.patience import OUTAGES, STILL_SECONDS, Patience, Stopped

log = logging.getLogger(__name__)

CLAIM_WAIT = 1.0
HOUSEKEEP_FIRST, HOUSEKEEP_EVERY = 60.0, 3600.0


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
        letter_bytes: int = letter_bytes(MAX_RECORD_MIB),
        alive: Callable[[float], object] = lambda seconds: None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._consumer, self._stop = consumer, stop
        self._patience = Patience(stop, drain_seconds=drain_seconds, alive=alive, monotonic=monotonic, pause=pause)
        self._tools = Tools(consumer, pipeline, self._patience, hang_seconds, letter_bytes, clock)
        # Not at once: on Kafka nothing is ours yet. Nor after an hour: a worker may not live that long.
        self._next_housekeeping = monotonic() + HOUSEKEEP_FIRST
        self._stood_by = False

    def run(self) -> None:
        """Work until told to stop. Raises JobHung and NewerRecord: then this process must end and be started anew."""
        while not self._stop.is_set():
            self._patience.alive(STILL_SECONDS)
            try:
                self._housekeep()
                claim = self._patience.outlast(lambda: self._consumer.claim(CLAIM_WAIT), self._stop.is_set)
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
        self._patience.drain_seconds = 0.0

    def _work(self, claim: Claim) -> None:
        try:
            self._answer_or_bury(claim)
        except JobCancelled as cancelled:
            self._patience.outlast(lambda: self._consumer.complete(claim))
            metrics.CANCELLED.inc()
            log.info("job cancelled", extra=story(claim, claim.attempts, error=str(cancelled)))

    def _answer_or_bury(self, claim: Claim) -> None:
        try:
            job = _decode_job(claim)
        except ForeignRecord as foreign:
            return bury(self._tools, claim, claim.attempts, foreign)
        if (worn := retry.before(claim.attempts)) is not None:
            return bury(self._tools, claim, claim.attempts, worn)
        for number in count(claim.attempts + 1):
            error = perform(self._tools, claim, job, number)
            if error is None:
                return None
            decision = retry.decide(number, error)
            if isinstance(decision, retry.Bury):
                return bury(self._tools, claim, number, error)
            self._wait_to_retry(claim, number, decision.delay, error)

    def _wait_to_retry(self, claim: Claim, attempt: int, delay: float, error: EmoTalkError) -> None:
        facts = story(claim, attempt, delay_s=delay, error=str(error))
        log.warning("retry", extra=facts, exc_info=error.__cause__)
        metrics.RETRIES.labels(type(error).__name__).inc()
        self._patience.pause(delay, lambda: self._consumer.keep(claim))

    def _say_whether_standing_by(self) -> None:
        standing_by = self._consumer.standing_by()
        if standing_by and not self._stood_by:
            log.info("standing by", extra={"fix": "none needed: another worker owns every partition"})
        self._stood_by = standing_by

    def _housekeep(self) -> None:
        if self._patience.monotonic() < self._next_housekeeping:
            return
        self._next_housekeeping = self._patience.monotonic() + HOUSEKEEP_EVERY
        try:
            self._consumer.housekeep()
        except (*OUTAGES, ConfigurationError) as error:  # work goes on where a broker forbids deleting
            log.warning("housekeeping put off", extra={"error": str(error), "fix": "it is tried again in an hour"})


def _decode_job(claim: Claim) -> Job:
    """Raises ForeignRecord, NewerRecord."""
    job = decode_job(claim.request.payload)
    if job.request_id != claim.request.request_id:
        raise ForeignRecord(f"the record is addressed as {claim.request.request_id} and holds another job")
    return job
