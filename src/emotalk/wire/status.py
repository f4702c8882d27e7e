"""Errors → gRPC status, with details a program can read. The only such table."""

from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from emotalk import errors

DOMAIN = "emotalk"
RETRY_SECONDS = 2
_AGAIN = (errors.QueueUnavailable, errors.QueueFull, errors.ServerUnavailable)

# The first class that fits decides, so children stand before their parents.
_CODES: tuple[tuple[type[Exception], int], ...] = (
    (errors.InvalidRequest, code_pb2.INVALID_ARGUMENT),
    (errors.RequestConflict, code_pb2.ALREADY_EXISTS),
    (errors.QueueFull, code_pb2.RESOURCE_EXHAUSTED),
    (errors.QueueUnavailable, code_pb2.UNAVAILABLE),
    (errors.ServerUnavailable, code_pb2.UNAVAILABLE),
    (errors.Unauthenticated, code_pb2.UNAUTHENTICATED),
    (errors.ResultsDiffer, code_pb2.ABORTED),
    (errors.JobCancelled, code_pb2.CANCELLED),
    (errors.UnknownJob, code_pb2.NOT_FOUND),
    (errors.JobFailed, code_pb2.INTERNAL),
    (errors.EngineError, code_pb2.INTERNAL),
    (errors.DeadlineExceeded, code_pb2.DEADLINE_EXCEEDED),
)


def code_of(error: errors.EmoTalkError) -> int:
    """The google.rpc code of an error."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), code_pb2.INTERNAL)


def status_of(error: errors.EmoTalkError) -> status_pb2.Status:
    """The rich status: which field, what to do, whether and when to try again."""
    status = status_pb2.Status(code=code_of(error), message=str(error))
    for detail in _details(error):
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def _details(error: errors.EmoTalkError) -> list[Message]:
    details: list[Message] = [error_details_pb2.ErrorInfo(reason=type(error).__name__, domain=DOMAIN)]
    if isinstance(error, errors.InvalidRequest):
        sentence = f"{error.problem}. {error.fix}."
        field = error_details_pb2.BadRequest.FieldViolation(field=error.field, description=sentence)
        details.append(error_details_pb2.BadRequest(field_violations=[field]))
    if isinstance(error, errors.ClientLimit):
        violation = error_details_pb2.QuotaFailure.Violation(subject=error.subject, description=error.problem)
        details.append(error_details_pb2.QuotaFailure(violations=[violation]))
    if isinstance(error, _AGAIN) and not isinstance(error, errors.TlsFailed):
        details.append(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=RETRY_SECONDS)))
    return details
