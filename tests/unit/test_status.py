"""The one table from our errors to gRPC's codes, and the details that a program can read."""

import pytest
from google.rpc import code_pb2, error_details_pb2

from emotalk import errors
from emotalk.errors import EmoTalkError
from emotalk.wire.status import RETRY_SECONDS, code_of, status_of

DETAILS = (
    error_details_pb2.ErrorInfo,
    error_details_pb2.BadRequest,
    error_details_pb2.RetryInfo,
    error_details_pb2.QuotaFailure,
)


def every(kind: type[EmoTalkError] = EmoTalkError) -> list[type[EmoTalkError]]:
    ours = [child for child in kind.__subclasses__() if child.__module__ == errors.__name__]
    return ours + [grandchild for child in ours for grandchild in every(child)]


def made(kind: type[EmoTalkError]) -> EmoTalkError:
    if issubclass(kind, errors.AudioError):
        return kind("it is broken", "Mend it")
    return kind("chunk_overlap", "it is broken", "Mend it") if kind is errors.InvalidRequest else kind("it is broken")


def details(error: EmoTalkError) -> dict[str, object]:
    found = {}
    for packed in status_of(error).details:
        for kind in DETAILS:
            message = kind()
            if packed.Unpack(message):
                found[kind.DESCRIPTOR.name] = message
    return found


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.InvalidRequest, code_pb2.INVALID_ARGUMENT),
        (errors.AudioTooLong, code_pb2.INVALID_ARGUMENT),
        (errors.RequestConflict, code_pb2.ALREADY_EXISTS),
        (errors.QueueFull, code_pb2.RESOURCE_EXHAUSTED),
        (errors.ClientLimit, code_pb2.RESOURCE_EXHAUSTED),
        (errors.Unauthenticated, code_pb2.UNAUTHENTICATED),
        (errors.QueueUnavailable, code_pb2.UNAVAILABLE),
        (errors.ResultsDiffer, code_pb2.ABORTED),
        (errors.JobFailed, code_pb2.INTERNAL),
        (errors.EngineError, code_pb2.INTERNAL),
        (errors.ForeignRecord, code_pb2.INTERNAL),
    ],
)
def test_each_error_has_its_code(kind: type[EmoTalkError], code: int) -> None:
    assert code_of(made(kind)) == code


@pytest.mark.parametrize("kind", every(), ids=lambda kind: kind.__name__)
def test_every_error_is_told_by_name_with_its_sentence_and_is_never_ok(kind: type[EmoTalkError]) -> None:
    status = status_of(made(kind))
    assert status.code not in (code_pb2.OK, code_pb2.UNKNOWN)
    assert "it is broken" in status.message
    assert details(made(kind))["ErrorInfo"].reason == kind.__name__  # type: ignore[attr-defined]


def test_a_refusal_names_the_field_and_the_fix() -> None:
    bad = details(errors.AudioTooLong("the clip lasts 1801.0 s", "Cut it"))["BadRequest"]
    (violation,) = bad.field_violations  # type: ignore[attr-defined]
    assert (violation.field, violation.description) == ("audio_data", "the clip lasts 1801.0 s. Cut it.")


@pytest.mark.parametrize("kind", every(), ids=lambda kind: kind.__name__)
def test_only_a_log_or_a_server_that_is_away_or_full_asks_to_be_tried_again(kind: type[EmoTalkError]) -> None:
    again = kind in (errors.QueueUnavailable, errors.QueueFull, errors.ClientLimit, errors.ServerUnavailable)
    found = details(made(kind))
    assert ("RetryInfo" in found) is again
    if again:
        assert found["RetryInfo"].retry_delay.seconds == RETRY_SECONDS  # type: ignore[attr-defined]


def test_a_client_that_has_enough_in_the_queue_hears_who_it_is_and_which_limit_it_met() -> None:
    error = errors.ClientLimit("3 requests are unfinished, and no more are allowed", "studio")
    (violation,) = details(error)["QuotaFailure"].violations  # type: ignore[attr-defined]
    assert (violation.subject, violation.description) == ("studio", error.problem)
    assert error.problem in str(error)
