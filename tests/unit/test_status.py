"""The one table of our errors: codes of gRPC, HTTP and the shell, the details that a program can read, and back."""

import re

import pytest
from google.rpc import code_pb2, error_details_pb2

from emotalk import errors
from emotalk.cli.exits import exit_of
from emotalk.errors import BY_NAME, EmoTalkError
from emotalk.web.problems import problem_of
from emotalk.wire.details import error_of, status_of
from emotalk.wire.status import RETRY_SECONDS, TABLE, Exit, row_of

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
    assert status_of(made(kind)).code == code


EACH = pytest.mark.parametrize("kind", [EmoTalkError, *every()], ids=lambda kind: kind.__name__)
SEEN_AS = dict.fromkeys((errors.QueueUnavailable, errors.QueueLost), errors.ServerUnavailable)
"""What a client has another word for; what is INTERNAL it sees as JobFailed."""


@EACH
def test_each_comes_through_the_network_as_itself_or_as_what_a_client_calls_it(kind: type[EmoTalkError]) -> None:
    error = made(kind)
    status = status_of(error)
    seen = error_of(code_pb2.Code.Name(status.code), status.message, status.details)
    internal = status.code == code_pb2.INTERNAL
    assert type(seen) is SEEN_AS.get(kind, errors.JobFailed if internal else kind)
    assert str(seen) == str(error)
    again = status_of(seen)
    assert (again.code, again.message) == (status.code, status.message)
    assert row_of(seen).retry_seconds == row_of(error).retry_seconds
    if not internal:
        assert problem_of(seen).document() == problem_of(error).document() | {
            "type": problem_of(seen).document()["type"]
        }
        assert exit_of(seen) == exit_of(error)


@pytest.mark.parametrize("code", sorted(set(code_pb2.Code.keys()) - {"OK"}))
def test_any_code_without_details_is_some_error_of_ours(code: str) -> None:
    error = error_of(code, "nothing is known of it")
    assert type(error) in {kind for kind in TABLE if kind is not EmoTalkError}
    assert "nothing is known of it" in str(error)


def test_a_class_that_a_stranger_names_counts_only_below_the_one_of_its_code() -> None:
    for reason, code, kind in (
        ("ClientLimit", "RESOURCE_EXHAUSTED", errors.ClientLimit),
        ("UnknownJob", "RESOURCE_EXHAUSTED", errors.QueueFull),
        ("Exception", "NOT_FOUND", errors.UnknownJob),
        ("", "INTERNAL", errors.JobFailed),
    ):
        status = status_of(errors.UnknownJob("it"))
        status.details[0].Pack(error_details_pb2.ErrorInfo(reason=reason))
        assert type(error_of(code, "it", status.details)) is kind


def test_the_tree_is_drawn_as_it_is() -> None:
    """Depth and name of each class, and the builtin it resembles; several may stand in one line."""
    above: dict[int, type[EmoTalkError]] = {0: EmoTalkError}
    drawn = set()
    for line in (errors.__doc__ or "").splitlines():
        branches = list(re.finditer(r"[├└]── (\w+)(?: \((\w+)\))?", line))
        for branch in branches:
            depth, kind = (branches[0].start() - 4) // 4 + 1, BY_NAME[branch[1]]
            builtin = next((base.__name__ for base in kind.__bases__ if base.__module__ == "builtins"), None)
            assert (kind.__bases__[0], builtin) == (above[depth - 1], branch[2]), branch[1]
            above[depth] = kind
            drawn.add(kind)
    assert drawn == set(every())
    assert set(BY_NAME.values()) == {EmoTalkError, *drawn}


def test_each_error_that_a_script_can_tell_apart_has_its_exit_code() -> None:
    assert exit_of(FileNotFoundError("in.wav")) == Exit.INPUT
    assert exit_of(errors.CheckpointNotFound("x.pth")) == Exit.ENGINE, "ours first, though it is a file's"
    assert exit_of(errors.TlsFailed("expired")) == Exit.DENIED
    assert exit_of(RuntimeError("no name")) == Exit.FAILED


@EACH
def test_every_error_is_told_by_name_with_its_sentence_and_is_never_ok(kind: type[EmoTalkError]) -> None:
    status = status_of(made(kind))
    assert status.code not in (code_pb2.OK, code_pb2.UNKNOWN)
    assert "it is broken" in status.message
    assert details(made(kind))["ErrorInfo"].reason == kind.__name__  # type: ignore[attr-defined]


def test_a_refusal_names_the_field_and_the_fix() -> None:
    bad = details(errors.AudioTooLong("the clip lasts 1801.0 s", "Cut it"))["BadRequest"]
    (violation,) = bad.field_violations  # type: ignore[attr-defined]
    assert (violation.field, violation.description) == ("audio_data", "the clip lasts 1801.0 s. Cut it.")


@EACH
def test_only_a_log_or_a_server_that_is_away_or_full_asks_to_be_tried_again(kind: type[EmoTalkError]) -> None:
    away = errors.QueueUnavailable, errors.QueueLost, errors.ServerUnavailable
    again = kind in (*away, errors.QueueFull, errors.ClientLimit)
    found = details(made(kind))
    assert ("RetryInfo" in found) is again
    if again:
        assert found["RetryInfo"].retry_delay.seconds == RETRY_SECONDS  # type: ignore[attr-defined]


def test_a_client_that_has_enough_in_the_queue_hears_who_it_is_and_which_limit_it_met() -> None:
    error = errors.ClientLimit("3 requests are unfinished, and no more are allowed", "studio")
    (violation,) = details(error)["QuotaFailure"].violations  # type: ignore[attr-defined]
    assert (violation.subject, violation.description) == ("studio", error.problem)
    assert error.problem in str(error)
