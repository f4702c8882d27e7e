"""What stands in the topic of jobs: one JSON record for each who writes about a run.

    a1b2                  its worker: running, done or given up, and where its results begin
    a1b2 NUL accepted     its server: queued, and where the request stands
    a1b2 NUL wish         who takes it away: cancelled, put aside by hand, letter deleted

A key of its own for each, because compaction keeps the newest record of a key, and whoever is late (a server that was
suspended between the request and its note, say) must not take away what another has written meanwhile.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import get_args

from emotalk.queues.base import Cursor, JobState

VERSION = 1
WORK, ACCEPTED, WISH = "", "\0accepted", "\0wish"
KINDS = (WORK, ACCEPTED, WISH)


@dataclass(frozen=True, slots=True)
class Note:
    """One record. `letter`: where the dead letter stands in its topic. The rest as in JobRow."""

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


def encode_note(note: Note) -> bytes:
    """Note → record. What has its default is left out."""
    fields = {name: value for name, value in asdict(note).items() if value not in ("", 0, None, {}) or name == "offset"}
    return json.dumps({"version": VERSION, **fields}, ensure_ascii=False, separators=(",", ":")).encode()


def decode_note(record: bytes) -> Note | None:
    """Record → note; None where it is none, or says what only a later version understands."""
    try:
        fields = json.loads(record)
        if fields["state"] not in get_args(JobState):
            return None
        known = {name: fields[name] for name in Note.__dataclass_fields__ if name in fields}
        cursors = {name: (int(known[name][0]), int(known[name][1])) for name in _CURSORS if name in known}
        return Note(**{"partition": 0, **known, **cursors})
    except (ValueError, TypeError, KeyError, IndexError):
        return None


def split_key(key: str) -> tuple[str, str]:
    """Key → request id and kind."""
    request_id, nul, kind = key.partition("\0")
    return request_id, nul + kind


_CURSORS = ("first", "last", "letter")
