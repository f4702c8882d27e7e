"""What stands in a log, whoever wrote it: each value as what it should be, or as its default.

Other programs, older versions and people with a shell write into logs as well. None of them may stop a worker, a server
or a look at the queue. So every value of a log is read through these.
"""

import math
from collections.abc import Mapping

import orjson

LONGEST_ID = 200
MOST = 2**31 - 1
"""The largest count that the wire and the records hold."""
_MOST_HEADERS, _LONGEST_HEADER = 64, 4000
_LARGEST = 1e15


def is_id(name: str) -> bool:
    """May a request be called that? A person must be able to read it in a line, and to type it."""
    return 0 < len(name) <= LONGEST_ID and name.isprintable()


def place_id(partition: int, offset: int) -> str:
    """What a request is called whose own id is none."""
    return f"{partition}-{offset}"


def text(value: object) -> str:
    """As text that can be written anywhere; bytes and halves of characters that are none show as replacements."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return "" if value is None else str(value).encode("utf-8", "replace").decode("utf-8")


def blob(value: object) -> bytes:
    """As bytes: b"" of what is neither bytes nor text."""
    return value if isinstance(value, bytes) else value.encode(errors="replace") if isinstance(value, str) else b""


def whole(value: object, default: int = 0, most: int = MOST) -> int:
    """As a whole number from 0 to `most`, also where it is written out in digits."""
    if isinstance(value, str) and value.isdecimal() and len(value) <= len(str(most)):
        value = int(value)
    return value if type(value) is int and 0 <= value <= most else default


def number(value: object, default: float = 0.0) -> float:
    """As a finite number that a clock or a length may be."""
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return default
    return found if math.isfinite(found) and abs(found) < _LARGEST else default


def headers(value: object) -> dict[str, str]:
    """As headers of plain text; so many and so long that they fit beside any payload."""
    pairs = list(value.items()) if isinstance(value, Mapping) else []
    return {text(name)[:LONGEST_ID]: text(each)[:_LONGEST_HEADER] for name, each in pairs[:_MOST_HEADERS]}


def parse(document: str | bytes | None) -> object:
    """What a JSON document says; None where it is none."""
    try:
        return orjson.loads(document or "null")
    except ValueError:
        return None
