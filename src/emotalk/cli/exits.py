"""Exit codes by name, and the error that leads to each."""

import sys
from enum import IntEnum

from emotalk import errors
from emotalk.cli.logs import plain


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


_EXITS: tuple[tuple[type[BaseException], Exit], ...] = (
    (errors.ConfigurationError, Exit.USAGE),
    (errors.DeviceUnavailable, Exit.ENGINE),
    (errors.PrecisionUnavailable, Exit.ENGINE),
    (errors.CheckpointError, Exit.ENGINE),
    (errors.InvalidRequest, Exit.INPUT),
    (errors.RequestConflict, Exit.INPUT),
    (errors.UnknownJob, Exit.INPUT),
    (errors.QueueUnavailable, Exit.UNAVAILABLE),
    (errors.QueueFull, Exit.UNAVAILABLE),
    (errors.TlsFailed, Exit.DENIED),
    (errors.Unauthenticated, Exit.DENIED),
    (errors.ServerUnavailable, Exit.UNAVAILABLE),
    (errors.ReceiverGone, Exit.UNAVAILABLE),
    (errors.DeadlineExceeded, Exit.DEADLINE),
    (errors.NewerRecord, Exit.NEWER_RECORD),
    (errors.EmoTalkError, Exit.FAILED),
    (OSError, Exit.INPUT),
    (KeyboardInterrupt, Exit.INTERRUPTED),
)


def exit_of(error: BaseException) -> Exit:
    """The first class that fits decides."""
    return next((code for kind, code in _EXITS if isinstance(error, kind)), Exit.FAILED)


def complain(message: str) -> None:
    """One sentence on standard error."""
    print(plain(f"emotalk: {message}"), file=sys.stderr)  # a server's words are a stranger's
