"""The mark on a request being worked on: an offset committed unchanged, whose metadata name the attempt.

    {"request": "a1b2", "attempt": 2}     this offset, this request, the second attempt has begun

A worker that dies in its work leaves the mark behind; the next owner of the partition reads it and counts.

Why so: docs/decisions/0007.
"""

import json
from dataclasses import dataclass

from emotalk.queues.strangers import parse, text, whole

# The broker keeps 4096 bytes of metadata (offset.metadata.max.bytes); an id is compared as far as it fits.
_ID_CHARACTERS = 200


@dataclass(frozen=True)
class Mark:
    """Attempt number `attempt` of `request`, the record at `offset`, has begun; nothing has where `attempt` is 0."""

    offset: int
    request: str = ""
    attempt: int = 0

    @property
    def metadata(self) -> str:
        """What is committed beside the offset."""
        if not self.attempt:
            return ""
        return json.dumps({"request": self.request[:_ID_CHARACTERS], "attempt": self.attempt})

    def attempts_of(self, offset: int, request: str) -> int:
        """Attempts begun for this record, 0 if the mark is another's."""
        same = (self.offset, self.request) == (offset, request[:_ID_CHARACTERS])
        return self.attempt if same else 0


def read_mark(offset: int, metadata: str | None) -> Mark:
    """The mark that was committed; metadata of other programs are no mark."""
    fields = parse(metadata)
    if not isinstance(fields, dict) or not whole(fields.get("attempt")):
        return Mark(offset)
    return Mark(offset, text(fields.get("request")), whole(fields["attempt"]))
