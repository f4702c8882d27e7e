"""One attempt at a job, from top to bottom: claim → begin → animate → publish → commit.

The job runs on a thread of its own (animation.py). So this one can keep the claim alive, watch for a hang and hear the
signal to stop. queues/base.py says what a claim is.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from emotalk import metrics, tracing
from emotalk.errors import ClaimLost, EmoTalkError, EngineError, JobCancelled
from emotalk.jobs import Job, Part
from emotalk.jobs.codec import encode_part
from emotalk.pipeline import Pipeline
from emotalk.queues.base import Claim, Consumer
from emotalk.worker.animation import Animation
from emotalk.worker.patience import LOOK_EVERY, OUTAGES, Patience, Stopped, say_away

log = logging.getLogger(__name__)

HANG_SECONDS, HANG_FACTOR = 60.0, 20.0


class JobHung(EngineError):
    """The engine does not come back, and only the end of the process can end it. The attempt counts."""


@dataclass(frozen=True)
class Tools:
    """What a worker works with. `clock`: seconds since 1970; `letter_bytes`: how much a dead letter holds."""

    consumer: Consumer
    pipeline: Pipeline
    patience: Patience
    hang_seconds: float
    letter_bytes: int
    clock: Callable[[], float]


@dataclass(frozen=True)
class Attempt:
    """Attempt `number` (1, 2, …) at a claimed job; an engine that computes for more than `limit` seconds hangs."""

    claim: Claim
    job: Job
    number: int
    limit: float

    def span(self) -> AbstractContextManager[object]:
        """The attempt as a trace shows it: a child of what the client's server wrote into the headers."""
        brought, named = self.claim.request.headers, self.job.request_id
        place = f"{self.claim.partition}:{self.claim.offset}"
        number = self.number
        return tracing.span("attempt", parent=brought, kind="consumer", attempt=number, request_id=named, place=place)

    def list_facts(self, **more: object) -> dict[str, object]:
        """The facts of a log line about it."""
        return story(self.claim, self.number, **more)


def perform(tools: Tools, claim: Claim, job: Job, number: int) -> EmoTalkError | None:
    """Begin, animate, publish, commit. The error that ended it, or None where the job is answered.

    Raises ClaimLost, JobCancelled and Stopped, each of which leaves it to somebody else, and JobHung.
    """
    attempt = Attempt(claim, job, number, tools.hang_seconds + HANG_FACTOR * job.seconds)
    patience, waited = tools.patience, max(0.0, tools.clock() - job.submitted_at)
    if number == 1:
        tracing.record_past("wait", job.submitted_at, parent=claim.request.headers)
    with attempt.span():
        with tracing.span("claim", attempt=number):
            patience.outlast(lambda: tools.consumer.begin(claim, number))
        metrics.count_begun(number, waited)
        log.info("start", extra=attempt.list_facts(waited_s=waited, seconds=job.seconds))

        since = patience.monotonic()
        patience.alive(attempt.limit)
        animation = Animation(tools.pipeline, job, lambda parts: _publish(tools, attempt, parts), patience.monotonic)
        try:
            error = _wait_for(animation, tools, attempt)
            if error is None:
                # Only now: every part is acknowledged, so a crash before this line repeats the job and loses nothing.
                with tracing.span("commit"):
                    patience.outlast(lambda: tools.consumer.complete(claim))
        except JobCancelled:
            raise
        except BaseException as reason:
            _leave(tools, attempt, animation, reason)
            raise

        if error is None:
            engine = animation.engine_seconds()
            metrics.count_completed(job.seconds, patience.monotonic() - since, engine)
            log.info("finish", extra=attempt.list_facts(frames=job.frames, rtf=engine / job.seconds))
        else:
            metrics.REPEATED_SECONDS.inc(animation.sound_seconds)
            tracing.fail(error)
        return error


def _publish(tools: Tools, attempt: Attempt, parts: list[Part]) -> None:
    records = [encode_part(replace(part, epoch=attempt.claim.epoch)) for part in parts]
    with metrics.PUBLISH_SECONDS.time(), tracing.span("publish", records=len(records)):
        tools.patience.outlast(lambda: tools.consumer.publish(attempt.claim, records))
    # Here, not in half a second: the next window may hang in native code that lets no thread of ours run.
    tools.patience.alive(attempt.limit)


def _wait_for(animation: Animation, tools: Tools, attempt: Attempt) -> EmoTalkError | None:
    """Keep the claim until the animation has ended; how it failed, if it did."""
    while not animation.wait(LOOK_EVERY):
        tools.patience.alive(attempt.limit)
        _keep(animation, tools, attempt)
        if animation.engine_seconds() > attempt.limit:
            raise JobHung(f"{attempt.job.request_id}: the engine did not come back within {attempt.limit:.0f} s")
        if tools.patience.is_drained():
            stopped = Stopped("asked to stop")
            animation.abandon(stopped)
            raise stopped
    error = animation.error
    if isinstance(error, ClaimLost | JobCancelled | Stopped):
        raise error
    return error


def _keep(animation: Animation, tools: Tools, attempt: Attempt) -> None:
    try:
        tools.consumer.keep(attempt.claim)
    except OUTAGES as outage:
        say_away(outage)
    except (ClaimLost, JobCancelled) as over:
        animation.abandon(over)


def _leave(tools: Tools, attempt: Attempt, animation: Animation, reason: BaseException) -> None:
    """Somebody else does the job again: say how much of it is animated a second time."""
    repeated = animation.sound_seconds
    metrics.REPEATED_SECONDS.inc(repeated)
    if isinstance(reason, ClaimLost | Stopped):
        log.warning("attempt discarded", extra=attempt.list_facts(repeated_s=repeated))
    if isinstance(reason, Stopped):
        _give_back(tools.consumer, attempt)


def _give_back(consumer: Consumer, attempt: Attempt) -> None:
    try:
        consumer.give_back(attempt.claim)
    except (*OUTAGES, ClaimLost) as error:
        log.warning("not given back", extra=attempt.list_facts(error=str(error)))
    else:
        metrics.GIVEN_BACK.inc()
        log.info("given back", extra=attempt.list_facts())


def story(claim: Claim, attempt: int, **more: object) -> dict[str, object]:
    """The facts of a log line about a claim."""
    rounded = {name: round(value, 3) if isinstance(value, float) else value for name, value in more.items()}
    place = {"partition": claim.partition, "offset": claim.offset}
    return {"request_id": claim.request.request_id, "attempt": attempt, **place, **rounded}
