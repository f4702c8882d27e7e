"""What each error is to those who meet it: gRPC code, HTTP status, exit code, when to try again. The only such table.

It loads nothing, since every command has exit codes; wire/details.py makes statuses of it, and errors of statuses.
"""

from dataclasses import dataclass
from enum import IntEnum

from emotalk import errors
from emotalk.errors import EmoTalkError

RETRY_SECONDS = 2


class Exit(IntEnum):
    """What a script can rely on."""

    OK = 0
    FAILED = 1  # the job was given up, or something broke that has no name
    USAGE = 2  # a flag, a setting
    ENGINE = 3  # the device, the precision or the weights are not there
    INPUT = 4  # the audio or a parameter of the request
    UNAVAILABLE = 5  # no broker, no server, no receiver, no room in the queue
    DEADLINE = 6
    NOT_READY = 7  # health: it answers, but is not ready
    DENIED = 8  # the token, or TLS
    HUNG = 70  # the worker's engine did not come back; start it again
    NEWER_RECORD = 71  # a newer version wrote the next record; upgrade and start again
    INTERRUPTED = 130


@dataclass(frozen=True)
class Row:
    """`code` by gRPC's name. `retry_seconds`: when the same may be asked again; 0: that would not help.

    HTTP 502 is for what the service gave up: it failed, and not the gateway that says so.
    """

    code: str
    http: int
    exit: Exit
    retry_seconds: int = 0


# A class without a row has its parent's. Of the rows with one code the first is the error that a client sees, unless
# the server names a class below it.
TABLE: dict[type[EmoTalkError], Row] = {
    errors.InvalidRequest: Row("INVALID_ARGUMENT", 400, Exit.INPUT),
    errors.AudioError: Row("INVALID_ARGUMENT", 422, Exit.INPUT),
    errors.RequestConflict: Row("ALREADY_EXISTS", 409, Exit.INPUT),
    errors.UnknownJob: Row("NOT_FOUND", 404, Exit.INPUT),
    errors.JobCancelled: Row("CANCELLED", 409, Exit.FAILED),
    errors.ResultsDiffer: Row("ABORTED", 409, Exit.FAILED),
    errors.Unauthenticated: Row("UNAUTHENTICATED", 401, Exit.DENIED),
    errors.QueueFull: Row("RESOURCE_EXHAUSTED", 429, Exit.UNAVAILABLE, RETRY_SECONDS),
    errors.ServerUnavailable: Row("UNAVAILABLE", 503, Exit.UNAVAILABLE, RETRY_SECONDS),
    errors.QueueUnavailable: Row("UNAVAILABLE", 503, Exit.UNAVAILABLE, RETRY_SECONDS),
    errors.TlsFailed: Row("UNAVAILABLE", 503, Exit.DENIED),
    errors.DeadlineExceeded: Row("DEADLINE_EXCEEDED", 504, Exit.DEADLINE),
    errors.JobFailed: Row("INTERNAL", 502, Exit.FAILED),
    errors.EmoTalkError: Row("INTERNAL", 502, Exit.FAILED),
    errors.ConfigurationError: Row("INTERNAL", 400, Exit.USAGE),
    errors.DeviceUnavailable: Row("INTERNAL", 502, Exit.ENGINE),
    errors.PrecisionUnavailable: Row("INTERNAL", 502, Exit.ENGINE),
    errors.CheckpointError: Row("INTERNAL", 502, Exit.ENGINE),
    errors.ReceiverGone: Row("INTERNAL", 502, Exit.UNAVAILABLE),
    errors.NewerRecord: Row("INTERNAL", 502, Exit.NEWER_RECORD),
}
_SEEN = {row.code: kind for kind, row in reversed(TABLE.items())}


def row_of(error: EmoTalkError) -> Row:
    """The row of its class, or of the nearest above it."""
    return next(TABLE[kind] for kind in type(error).__mro__ if kind in TABLE)


def class_of(code: str, name: str = "") -> type[EmoTalkError]:
    """What a client sees of a gRPC code, and of the class that the server named, if it did."""
    seen, named = _SEEN.get(code, errors.JobFailed), errors.BY_NAME.get(name)
    return named if named and issubclass(named, seen) else seen
