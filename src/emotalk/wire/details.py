"""An error → gRPC's rich status, with details that a program can read; and back."""

from collections.abc import Iterable
from typing import Any

from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from emotalk import errors
from emotalk.errors import EmoTalkError
from emotalk.wire.status import class_of, row_of

DOMAIN = "emotalk"
VISITOR = "emotalk-visitor"
"""The metadata in which a gateway says for whom it calls, as gRPC names a peer: ipv4:10.0.0.7:5123."""
LONGEST_MESSAGE = 1000
"""Bytes. A status travels in headers, of which a client takes 8 KB, and percent-encoding makes three bytes of one."""


def status_of(error: EmoTalkError) -> status_pb2.Status:
    """The rich status: which field, what to do, whether and when to try again."""
    status = status_pb2.Status(code=code_pb2.Code.Value(row_of(error).code), message=_shorten(str(error)))
    for detail in _list_details(error):
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def _shorten(text: str) -> str:
    """Whatever a stranger has named in it."""
    return text if len(text) * 4 <= LONGEST_MESSAGE else text.encode()[:LONGEST_MESSAGE].decode("utf-8", "ignore")


def error_of(code: str, message: str, details: Iterable[Any] = ()) -> EmoTalkError:
    """What a status stands for: the code by its name, its sentence, and its details, where it has some."""
    details = list(details)
    info = _find(details, error_details_pb2.ErrorInfo())
    kind = class_of(code, info.reason if info else "")
    if not issubclass(kind, errors.InvalidRequest):
        return kind(message)
    bad = _find(details, error_details_pb2.BadRequest())
    if not bad or not bad.field_violations:
        return errors.JobFailed(message)
    field, (problem, _, fix) = bad.field_violations[0].field, _split_sentences(bad.field_violations[0].description)
    return kind(problem, fix, field) if issubclass(kind, errors.AudioError) else kind(field, problem, fix)


def error_from(status: status_pb2.Status) -> EmoTalkError:
    """What a rich status stands for."""
    return error_of(code_pb2.Code.Name(status.code), status.message, status.details)


def _split_sentences(description: str) -> tuple[str, str, str]:
    return description.rstrip(".").partition(". ")


def _find(details: list[Any], into: Any) -> Any:
    """The detail of that kind, or None."""
    return next((into for detail in details if detail.Unpack(into)), None)


def _list_details(error: EmoTalkError) -> list[Message]:
    details: list[Message] = [error_details_pb2.ErrorInfo(reason=type(error).__name__, domain=DOMAIN)]
    if isinstance(error, errors.InvalidRequest):
        sentence = _shorten(f"{error.problem}. {error.fix}.")
        field = error_details_pb2.BadRequest.FieldViolation(field=_shorten(error.field), description=sentence)
        details.append(error_details_pb2.BadRequest(field_violations=[field]))
    if isinstance(error, errors.ClientLimit):
        violation = error_details_pb2.QuotaFailure.Violation(
            subject=_shorten(error.subject), description=_shorten(error.problem)
        )
        details.append(error_details_pb2.QuotaFailure(violations=[violation]))
    if seconds := row_of(error).retry_seconds:
        details.append(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=seconds)))
    return details
