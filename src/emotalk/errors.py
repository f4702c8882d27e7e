"""Every error this package raises on purpose, in one file.

    EmoTalkError
    ├── InvalidRequest (ValueError)             the caller can mend it: names the field and the fix
    │   └── AudioError                          the sound itself
    │       ├── EmptyAudio  ├── NotAudio  ├── TruncatedAudio  ├── UnsupportedAudio
    │       └── AudioTooLong  └── BadSamples  └── UndecodableAudio
    ├── RequestConflict (ValueError)            the id is taken by another request
    ├── ConfigurationError (ValueError)         a flag, a variable or a file of settings
    │   └── NoQueue                             the queue does not exist and must not be created
    ├── EngineError (RuntimeError)              the network; trying again may help
    │   ├── DeviceUnavailable                   no such device, or its runtime is not installed
    │   ├── PrecisionUnavailable                this machine does not compute in it, or not right
    │   ├── OutOfMemory (MemoryError)           a smaller chunk may fit
    │   └── CheckpointError (ValueError)        the weights; names the file or the tensor
    │       └── CheckpointNotFound (FileNotFoundError)
    ├── QueueError (RuntimeError)
    │   ├── QueueUnavailable (ConnectionError)  the log does not answer: wait, nothing is lost
    │   │   └── QueueLost                       the log was deleted, with what waited in it: send again
    │   ├── QueueFull                           the log has no room: try later
    │   │   └── ClientLimit                     this client has enough in the queue
    │   ├── ClaimLost                           the job belongs to another worker now
    │   ├── JobCancelled                        cancelled by its caller, or by hand
    │   ├── ForeignRecord (ValueError)          the bytes are not ours: bury
    │   └── NewerRecord                         written by a later version: leave it
    ├── UnknownJob (LookupError)                never accepted, or no longer kept
    ├── JobFailed (RuntimeError)                buried after its attempts; carries the reason
    ├── ResultsDiffer                           a redelivery was computed by another engine
    ├── ServerUnavailable (ConnectionError)     the client cannot reach its server
    │   └── TlsFailed                           it can, but one of them does not trust the other
    ├── ReceiverGone (ConnectionError)          the avatar's program does not listen, or not any more
    ├── Unauthenticated (PermissionError)       no bearer token, or one that the server does not know
    └── DeadlineExceeded (TimeoutError)         the client has waited long enough

Each is also the builtin it resembles, so that `except ValueError` does what its reader expects.
"""

LONGEST_SENTENCE = 2000


class EmoTalkError(Exception):
    """The root. `retriable`: can the very same work succeed when it is tried again?"""

    retriable = False

    def __str__(self) -> str:
        sentence = super().__str__()  # in which a stranger may have named something of any length
        return sentence if len(sentence) <= LONGEST_SENTENCE else f"{sentence[:LONGEST_SENTENCE]}…"


class InvalidRequest(EmoTalkError, ValueError):
    """A request that can never be answered as it is."""

    def __init__(self, field: str, problem: str, fix: str) -> None:
        super().__init__(f"{field}: {problem}. {fix}.")
        self.field, self.problem, self.fix = field, problem, fix


class AudioError(InvalidRequest):
    """The audio cannot be used; `field` is where the caller gave it."""

    def __init__(self, problem: str, fix: str, field: str = "audio_data") -> None:
        super().__init__(field, problem, fix)


class EmptyAudio(AudioError):
    """No bytes, or no samples."""


class NotAudio(AudioError):
    """Neither WAV, FLAC, OGG nor MP3."""


class TruncatedAudio(AudioError):
    """The file ends before its header says, or promises what it does not hold."""


class UnsupportedAudio(AudioError):
    """A rate, a channel count or an encoding outside what is accepted."""


class AudioTooLong(AudioError):
    """Longer than the limit."""


class BadSamples(AudioError):
    """NaN or infinite samples."""


class UndecodableAudio(AudioError):
    """It broke its decoder, or would have taken more memory or time than any clip may."""


class RequestConflict(EmoTalkError, ValueError):
    """The same request id was used for other audio or other parameters."""


class ConfigurationError(EmoTalkError, ValueError):
    """A setting that cannot be used."""


class NoQueue(ConfigurationError):
    """There is no queue at that address, and it must not be created."""


class EngineError(EmoTalkError, RuntimeError):
    """The engine could not animate."""

    retriable = True


class DeviceUnavailable(EngineError):
    """The device that was asked for is not here."""

    retriable = False


class PrecisionUnavailable(EngineError):
    """This machine has no arithmetic of that precision, or its arithmetic is wrong."""

    retriable = False


class OutOfMemory(EngineError, MemoryError):
    """The window does not fit into memory."""


class CheckpointError(EngineError, ValueError):
    """The weights cannot be used."""

    retriable = False


class CheckpointNotFound(CheckpointError, FileNotFoundError):
    """There is no file of weights at the path that was given."""


class QueueError(EmoTalkError, RuntimeError):
    """The request log or the result log."""


class QueueUnavailable(QueueError, ConnectionError):
    """The log does not answer now."""

    retriable = True


class QueueLost(QueueUnavailable):
    """The log was deleted, and what waited in it is lost: the same request may be sent again, under the same id."""


class QueueFull(QueueError):
    """The log takes no more."""

    retriable = True


class ClientLimit(QueueFull):
    """One client has as much in the queue as it may; `subject` is the client, `problem` the limit it has met."""

    def __init__(self, problem: str, subject: str = "") -> None:
        super().__init__(f"{problem}. Wait until some of it is done, then send again." if subject else problem)
        self.subject, self.problem = subject, problem


class ClaimLost(QueueError):
    """This worker no longer owns the job; whoever does will answer it."""


class JobCancelled(QueueError):
    """The job was cancelled, or put aside by hand; nobody waits for it any more."""


class ForeignRecord(QueueError, ValueError):
    """A record that this package did not write."""


class NewerRecord(QueueError):
    """A record of a version that only a newer worker can read."""


class UnknownJob(EmoTalkError, LookupError):
    """No job of that id was accepted, or its results are no longer kept."""


class JobFailed(EmoTalkError, RuntimeError):
    """The job was given up and stands in the dead letters."""


class ResultsDiffer(EmoTalkError):
    """The rest of this answer was computed by another engine and must not be spliced."""


class ServerUnavailable(EmoTalkError, ConnectionError):
    """No server answers at that address."""

    retriable = True


class ReceiverGone(EmoTalkError, ConnectionError):
    """The program that a face is played to does not listen."""


class TlsFailed(ServerUnavailable):
    """The handshake failed: a wrong authority, an expired certificate, TLS on one side only."""

    retriable = False


class Unauthenticated(EmoTalkError, PermissionError):
    """The server wants a bearer token, or does not know the one it got."""


class DeadlineExceeded(EmoTalkError, TimeoutError):
    """The answer took longer than the caller wanted to wait."""


BY_NAME: dict[str, type[EmoTalkError]] = {
    name: kind for name, kind in globals().items() if isinstance(kind, type) and issubclass(kind, EmoTalkError)
}
"""Each of them by the name that stands in records and statuses."""
