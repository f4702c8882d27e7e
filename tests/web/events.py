"""Server-sent events, read as their specification says."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass
class Event:
    """One event; `data` is its JSON."""

    name: str
    data: Any
    id: str | None = None


def parsed(text: str) -> list[Event]:
    """All events of a stream."""
    blocks = text.replace("\r\n", "\n").split("\n\n")
    return [_event(block) for block in blocks if "event:" in block]  # the others are comments


def _event(block: str) -> Event:
    fields: dict[str, str] = {}
    for line in block.split("\n"):
        name, _, value = line.partition(":")
        if name:
            fields[name] = fields[name] + "\n" + value.lstrip(" ") if name in fields else value.removeprefix(" ")
    return Event(fields["event"], json.loads(fields["data"]), fields.get("id"))
