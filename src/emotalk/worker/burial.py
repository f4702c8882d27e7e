"""The end of a job that cannot be answered: its letter is kept, its client hears, and the next job runs."""

import logging
import shlex

from emotalk import metrics, tracing
from emotalk.errors import EmoTalkError
from emotalk.jobs import DeadLetter, Failure, Part
from emotalk.jobs.codec import encode_letter, encode_part
from emotalk.queues.base import Claim
from emotalk.worker.attempt import Tools, story

log = logging.getLogger(__name__)


def bury(tools: Tools, claim: Claim, attempts: int, error: EmoTalkError) -> None:
    """Write the dead letter of a claim, and tell its client. Raises JobCancelled, ClaimLost and Stopped.

    A letter holds any record of ours. A stranger's that came compressed may be larger than what the log takes back.
    """
    request, payload = claim.request, claim.request.payload[: tools.letter_bytes]
    cut = f" (its first {len(payload)} bytes of {len(request.payload)})" * (payload != request.payload)
    failure = Failure(type(error).__name__, f"{error}{cut}")
    place = claim.partition, claim.offset
    letter = encode_letter(DeadLetter(request.request_id, payload, failure, attempts, tools.clock(), *place))
    fingerprint = tools.pipeline.fingerprint
    answer = Part(request.request_id, fingerprint, failure=failure, digest=request.digest, epoch=claim.epoch)
    reason, results = f"{failure.kind}: {error}", [encode_part(answer)]
    with tracing.span("bury", parent=request.headers, attempts=attempts):
        tracing.fail(error)
        tools.patience.outlast(lambda: tools.consumer.bury(claim, letter, reason, results))
    metrics.BURIED.labels(failure.kind).inc()
    fix = f"see it with: emotalk jobs show {shlex.quote(request.request_id)}, and this worker's --queue"
    log.error("job buried", extra=story(claim, attempts, error=str(error), fix=fix), exc_info=error.__cause__)
