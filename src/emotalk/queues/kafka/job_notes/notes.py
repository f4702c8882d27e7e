"""What stands in the topic of jobs: one JSON record for each who writes about a run.

    a1b2                  its worker: running, done or given up, and where its results begin
    a1b2 NUL accepted     its server: queued, and where the request stands
    a1b2 NUL wish         who takes it away: cancelled, put aside by hand, letter deleted
    a1b2 NUL spared       a worker that lost it in an outage: which of the attempts in its mark do not count

A key of its own for each, because compaction keeps the newest record of a key, and whoever is late (a server that was
suspended between the request and its note, say) must not take away what another has written meanwhile.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields

import orjson

from emotalk.queues.base import STATES, Cursor, JobState
from emotalk.queues.strangers import MOST, headers, number, parse, text, whole

VERSION = 1
WORK, ACCEPTED, WISH, SPARED = "", "\0accepted", "\0wish", "\0spared"
KINDS = (WORK, ACCEPTED, WISH, SPARED)
_MOST_OFFSETS = 2**63 - 1
_MOST_NUMBERS = 100


@dataclass(frozen=True, slots=True)
class Note:
    """One record. `letter`: where the dead letter stands in its topic; `log`: the mark of the log that it speaks of.

    `spared`: attempts, as the mark numbers them. The rest as in JobRow.
    """

    epoch: int
    state: JobState
    partition: int
    offset: int
    digest: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    attempts: int = 0
    error: str = ""
    first: Cursor | None = None
    last: Cursor | None = None
    started_at: float = 0.0
    finished_at: float = 0.0
    letter: Cursor | None = None
    log: str = ""
    spared: tuple[int, ...] = ()


_BESIDE_ITS_PLACE = [each.name for each in fields(Note) if each.name not in ("partition", "offset")]


def encode_note(note: Note) -> bytes:
    """Note → record. What has its default is left out."""
    return prepare_note(note)((note.partition, note.offset))


def prepare_note(note: Note) -> Callable[[Cursor], bytes]:
    """The same before it is known where the request stands: what is returned takes the place, and has little to do."""
    told = {name: value for name in _BESIDE_ITS_PLACE if (value := getattr(note, name))}
    begun = orjson.dumps({"version": VERSION, **told}, default=dict)[:-1]
    return lambda place: b'%b,"partition":%d,"offset":%d}' % (begun, *place)


def decode_note(record: bytes) -> Note | None:
    """Record → note; None where it is none, or says what only a later version understands."""
    told = parse(record)
    if not isinstance(told, dict):
        return None
    epoch, offset = whole(told.get("epoch"), most=MOST + 1), whole(told.get("offset"), -1, _MOST_OFFSETS)
    if told.get("state") not in STATES or not epoch or offset < 0:
        return None
    return Note(
        epoch=epoch,
        state=told["state"],
        partition=whole(told.get("partition")),
        offset=offset,
        digest=text(told.get("digest")),
        headers=headers(told.get("headers")),
        attempts=whole(told.get("attempts")),
        error=text(told.get("error")),
        started_at=number(told.get("started_at")),
        finished_at=number(told.get("finished_at")),
        log=text(told.get("log")),
        spared=_numbers(told.get("spared")),
        **{name: _cursor(told.get(name)) for name in ("first", "last", "letter")},
    )


def _cursor(value: object) -> Cursor | None:
    if not isinstance(value, list) or len(value) != 2:
        return None
    partition, offset = whole(value[0], -1), whole(value[1], -1, _MOST_OFFSETS)
    return (partition, offset) if min(partition, offset) >= 0 else None


def _numbers(value: object) -> tuple[int, ...]:
    return tuple(number for each in value[:_MOST_NUMBERS] if (number := whole(each))) if isinstance(value, list) else ()


def split_key(key: str) -> tuple[str, str]:
    """Key → request id and kind."""
    request_id, nul, kind = key.partition("\0")
    return request_id, nul + kind
