"""What a person, or the caller, may do to a job that stands in the logs: cancel, put aside, try again."""

from collections.abc import Callable

from emotalk.errors import ForeignRecord, InvalidRequest, JobCancelled, JobFailed, NewerRecord, UnknownJob
from emotalk.jobs.codec import decode_job, decode_letter, encode_letter, encode_part
from emotalk.jobs.job import DeadLetter, Failure, Part
from emotalk.queues.base import ENDED, JobRow, Ledger, Producer, Receipt, Record


def get_row(ledger: Ledger, request_id: str) -> JobRow:
    """The newest run of an id. Raises UnknownJob."""
    row = ledger.find(request_id)
    if row is None:
        raise UnknownJob(f"request_id: '{request_id}' is not a job here, or its results are deleted")
    return row


def cancel(ledger: Ledger, row: JobRow) -> JobRow:
    """Take a job away unless it is over, and let its clients hear; the row as it is then."""
    return ledger.cancel(row, [_encode_failure(row, Failure(JobCancelled.__name__, f"{row.request_id} was cancelled"))])


def bury(ledger: Ledger, row: JobRow, reason: str, clock: Callable[[], float]) -> JobRow:
    """Put aside a job that waits or is stuck; its dead letter can be retried.

    Raises InvalidRequest of one that is over.
    """
    if row.state == "dead":
        return row
    payload = b"" if row.state in ENDED else ledger.payload(row)
    if not payload:
        raise InvalidRequest(
            "request_id", f"'{row.request_id}' is {row.state}, so it cannot be buried", "See jobs list"
        )
    failure = Failure(JobFailed.__name__, reason)
    letter = DeadLetter(row.request_id, payload, failure, row.attempts, clock(), row.partition, row.offset)
    return ledger.bury(row, encode_letter(letter), f"{failure.kind}: {reason}", [_encode_failure(row, failure)])


def retry(ledger: Ledger, producer: Producer, row: JobRow, clock: Callable[[], float]) -> Receipt:
    """Queue a buried job again under its id, at the end of its queue; its letter goes.

    Raises InvalidRequest of one that is not buried, or whose letter does not hold a job of ours.
    """
    if row.state != "dead":
        raise InvalidRequest(
            "request_id", f"'{row.request_id}' is {row.state}, not dead", "Only a dead job can be retried"
        )
    receipt = producer.append(_restore_request(ledger.payload(row), row, clock), again=True)
    ledger.delete(row.request_id)
    return receipt


def _restore_request(letter: bytes, row: JobRow, clock: Callable[[], float]) -> Record:
    try:
        payload = decode_letter(letter).payload
        job = decode_job(payload)
    except (ForeignRecord, NewerRecord) as error:
        raise InvalidRequest(
            "request_id", f"'{row.request_id}' cannot be retried ({error})", "Send it again"
        ) from error
    headers = {**row.headers, "retried_at": f"{clock():.6f}"}
    return Record(job.request_id, job.key, job.digest, payload, headers)


def to_given_up(error: str) -> JobFailed:
    """What a client hears of a job that stands in the dead letters, for that reason."""
    return JobFailed(f"the job was given up ({error})")


def _encode_failure(row: JobRow, failure: Failure) -> bytes:
    return encode_part(Part(row.request_id, "", failure=failure, digest=row.digest, epoch=row.epoch))
