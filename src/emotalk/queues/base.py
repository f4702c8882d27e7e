"""What a queue is: a log of requests that are worked on in order, and a log of results that every server reads.

    producer ──append──► request log ──claim──► consumer ──publish──► result log ──poll──► results
                                                   └──────bury──────► dead letters
    ledger: where each request stands; cancel and bury by hand

Queues carry opaque bytes and know nothing of faces or sound. memory, SQLite and Kafka implement these ports and sit the
same exam (tests/contract/test_queues.py). All calls block; producers and results may be called from any thread, a
consumer's `publish` from another thread than the rest. Every call may raise QueueUnavailable: the outage is the log's,
nothing is lost, and the same call may be repeated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

REQUESTS_TOPIC = "audio-requests"
RESULTS_TOPIC = "blendshape-results"
DEAD_TOPIC = "audio-requests.dead"
JOBS_TOPIC = "audio-jobs"
GROUP = "emotalk-processors"

MARK = b"EMTK"
"""What each record of ours begins with, so that it is told from somebody else's."""

RESULTS_KEPT_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Record:
    """One request as it is stored. `key` orders it: requests of one key are worked on in the order of their appends.

    `digest` identifies the content: the same id with another digest is another request. `headers` are plain text that a
    person can read in any tool (seconds, submitted_at in seconds since 1970, …).
    """

    request_id: str
    key: str
    digest: str
    payload: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


Cursor = tuple[int, int]
"""(partition, offset) of a record in the result log; ordered within a partition."""


@dataclass(frozen=True)
class Receipt:
    """Proof that a request is durable, and where it stands. `repeated`: it was already there, nothing was added.

    `epoch` counts the runs of an id: one that is tried again starts the next. `start`: where the results of a repeated
    one begin, if it has any. `failure`: why a repeated one was given up; None where it was not.
    """

    partition: int
    offset: int
    repeated: bool = False
    epoch: int = 1
    start: Cursor | None = None
    failure: str | None = None


@dataclass(frozen=True)
class Claim:
    """A request in one worker's hands. `attempts` were begun before and not given back; `token` fences the owner."""

    request: Record
    partition: int
    offset: int
    attempts: int
    token: int
    epoch: int = 1


@dataclass(frozen=True)
class Result:
    """One record of the result log, addressed to the request it answers."""

    request_id: str
    payload: bytes
    cursor: Cursor = (0, -1)


JobState = Literal["queued", "running", "done", "cancelled", "dead", "failed"]
STATES: tuple[JobState, ...] = ("queued", "running", "done", "cancelled", "dead", "failed")
ENDED = frozenset(STATES[2:])
"""dead: given up, or put aside by hand; its letter is kept. failed: its letter has been deleted."""


@dataclass(frozen=True)
class JobRow:
    """One run of one request, as it stands. Moments are seconds since 1970, 0 where they are yet to come or unknown.

    `first` and `last`: no results stand before the one, and the other is the newest. None where there are none, or
    where nobody says.
    """

    request_id: str
    state: JobState
    partition: int
    offset: int
    attempts: int
    headers: Mapping[str, str]
    error: str = ""
    epoch: int = 1
    digest: str = ""
    first: Cursor | None = None
    last: Cursor | None = None
    started_at: float = 0.0
    finished_at: float = 0.0


@dataclass(frozen=True)
class LaneReading:
    """How much of one partition is not done, the request in hand included, and since when the oldest of it is there.

    `oldest_at`: seconds since 1970 by the log's clock, None where everything is done.
    """

    partition: int
    unfinished: int
    oldest_at: float | None = None


@dataclass(frozen=True)
class Usage:
    """Bytes that the log takes up, may take up in all, and the disk under it has left.

    `unmerged`: of those that wait beside the file to be laid into it; they grow while another program reads the file.
    """

    used: int
    limit: int
    disk_free: int
    unmerged: int = 0


@dataclass(frozen=True)
class Reading:
    """The log at one moment. `room` is None where it lies on other machines, whose disks are theirs to watch."""

    lanes: Sequence[LaneReading]
    dead_letters: int
    room: Usage | None = None


class Producer(Protocol):
    """The server's end of the request log."""

    def append(self, request: Record, again: bool = False, fresh: bool = False) -> Receipt:
        """Store durably, then return.

        An id that is known with the same digest adds nothing, as long as its results or its letter are kept: a client
        that was cut off repeats itself, and what has killed five workers must not have five more. With `again` it is
        tried again. Stored once more: what was cancelled, what lost its letter, what was given up with another digest.
        `fresh`: the id was made a moment ago, for this call. Nobody else can have sent it, so nobody is asked about it.

        Raises RequestConflict where the log knows the id with another digest, QueueFull where it has no room.
        """
        ...

    def ahead(self, receipt: Receipt) -> int:
        """Unfinished requests before this one in its partition; cheap, and up to a second old."""
        ...

    def ping(self) -> None:
        """Return if the log would accept a request now, else raise QueueUnavailable or QueueFull."""
        ...

    def close(self) -> None:
        """Flush and let go."""
        ...


class Consumer(Protocol):
    """A worker's end: one claim at a time.

    claim → begin → publish… → complete, or bury, or give_back. Call `keep` every second while a claim is held.

    Of a request that was cancelled or put aside by hand, `begin`, `keep`, `publish` and `bury` raise JobCancelled as
    soon as they can know; then nothing was added, and `complete` makes room for the next.
    """

    def claim(self, timeout: float) -> Claim | None:
        """The oldest request of a partition in which none is being worked on, or None after `timeout` seconds."""
        ...

    def standing_by(self) -> bool:
        """True while other workers own everything there is to own."""
        ...

    def begin(self, claim: Claim, attempt: int) -> None:
        """Record that attempt number `attempt` (1, 2, …) starts, before any work. Raises ClaimLost.

        Durably, or on its way where nobody else can have begun the request: then one death in it may go uncounted.
        """
        ...

    def keep(self, claim: Claim) -> None:
        """Stay the owner. Raises ClaimLost if another worker has taken over."""
        ...

    def publish(self, claim: Claim, results: Sequence[bytes]) -> None:
        """Append results in order and return once they are acknowledged. Raises ClaimLost; then nothing was added."""
        ...

    def complete(self, claim: Claim) -> None:
        """The request is answered: never deliver it again, and drop its payload. Raises ClaimLost."""
        ...

    def bury(self, claim: Claim, letter: bytes, error: str, results: Sequence[bytes]) -> None:
        """Dead letter, then results (so that the client hears), then complete; never in another order."""
        ...

    def give_back(self, claim: Claim) -> None:
        """Let go without having begun: the current attempt does not count, and the next claim gets the request."""
        ...

    def housekeep(self) -> None:
        """Delete what retention no longer covers; called hourly."""
        ...

    def close(self) -> None:
        """Leave. A claim still held is delivered again, its attempt counted."""
        ...


class Results(Protocol):
    """A server's end of the result log, from the moment it was opened."""

    def poll(self, timeout: float) -> list[Result]:
        """New results in the order of their partition, or [] after `timeout` seconds. One thread polls."""
        ...

    def read(self, request_id: str, start: Cursor, limit: int, last: Cursor | None = None) -> list[Result]:
        """Up to `limit` results of one request from `start` on, from the log again; [] when it has caught up.

        `last`: where its results end, if that is known; the log is not searched beyond.
        """
        ...

    def behind(self) -> int:
        """Results that are in the log and have not been polled yet; asked from any thread, and cheap."""
        ...

    def close(self) -> None:
        """Let go."""
        ...


class Ledger(Protocol):
    """Where each request stands, and the hands that take one away. For any process, whether others work or not."""

    def find(self, request_id: str) -> JobRow | None:
        """The newest run of this id, as current as the call; None where none is known."""
        ...

    def rows(self) -> list[JobRow]:
        """Every run that is known, in the order of STATES and oldest first within each."""
        ...

    def payload(self, row: JobRow) -> bytes:
        """What is kept of it: the request as it was stored, or its dead letter; b"" of one that is over."""
        ...

    def cancel(self, row: JobRow, results: Sequence[bytes]) -> JobRow:
        """Take a run away that is not over: one that waits is never delivered, one that runs is fenced.

        `results` are published, so that clients hear. The row as it is then; of a run that is over, unchanged.
        """
        ...

    def bury(self, row: JobRow, letter: bytes, error: str, results: Sequence[bytes]) -> JobRow:
        """The same, and its dead letter is kept."""
        ...

    def delete(self, request_id: str) -> int:
        """Delete the dead letters of this id, voices and all; how many there were."""
        ...

    def close(self) -> None:
        """Let go."""
        ...


class Meter(Protocol):
    """Whoever watches the log from outside and touches nothing."""

    def read(self) -> Reading:
        """How it stands now; asked a few times a minute, from any thread."""
        ...

    def close(self) -> None:
        """Let go."""
        ...


class Queue(Protocol):
    """One address; opens the ports."""

    url: str

    def prepare(self, create: bool = True) -> None:
        """Create or check what must exist. Raises QueueUnavailable, or ConfigurationError naming the setting.

        Without `create` nothing is made: where there is no queue, that is NoQueue.
        """
        ...

    def producer(self) -> Producer:
        """A new producer."""
        ...

    def consumer(self, name: str) -> Consumer:
        """A new consumer. A process that restarts under the same `name` takes over its own claims at once.

        Without a name it is like nobody else.
        """
        ...

    def results(self) -> Results:
        """A new reader that sees every result appended from now on."""
        ...

    def meter(self) -> Meter:
        """A new meter."""
        ...

    def ledger(self) -> Ledger:
        """A new ledger."""
        ...

    def jobs(self) -> list[JobRow]:
        """`rows` of a ledger that is closed again."""
        ...

    def close(self) -> None:
        """Close whatever is still open."""
        ...


@runtime_checkable
class Guarded(Protocol):
    """A queue on other people's machines: making it takes a right, and so does each thing that is done with it."""

    def check_rights(self) -> None:
        """Raise ConfigurationError that names every right that is withheld, and the command that grants it."""
        ...
