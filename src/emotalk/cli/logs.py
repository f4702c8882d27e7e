"""One line a fact on standard error, as text for people or JSON for machines."""

import json
import logging
import sys
import time

LONGEST_FACT = 2000
LONGEST_TRACEBACK = 20_000
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def configure(level: str, form: str) -> None:
    """Send the package's log to standard error."""
    stream = logging.StreamHandler(sys.stderr)
    stream.setFormatter(JsonLines() if form == "json" else TextLines())
    # OpenTelemetry, where it is loaded, has only outages of its collector to tell.
    for name in ("emotalk", "opentelemetry"):
        root = logging.getLogger(name)
        root.handlers[:] = [stream]
        root.setLevel(level.upper())
        root.propagate = False


def _list_facts(record: logging.LogRecord) -> dict[str, object]:
    return {_shorten(name): _limit_value(value) for name, value in vars(record).items() if name not in _STANDARD}


def _limit_value(value: object) -> object:
    """Numbers as they are; whatever else a stranger may have named, as text of a bounded length."""
    return value if isinstance(value, bool | int | float | None) else _shorten(str(value))


def _shorten(text: str, longest: int = LONGEST_FACT) -> str:
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text)} characters)"


def _shorten_traceback(formatted: str) -> str:
    """The end says what it was."""
    return formatted if len(formatted) <= LONGEST_TRACEBACK else f"…{formatted[-LONGEST_TRACEBACK:]}"


class TextLines(logging.Formatter):
    """2026-11-22T10:00:00.123Z INFO start request_id=… attempt=1"""

    def format(self, record: logging.LogRecord) -> str:
        """A record → its line; a traceback, if any, follows."""
        facts = " ".join(f"{name}={_quote(value)}" for name, value in _list_facts(record).items())
        line = make_plain(f"{_format_time(record)} {record.levelname} {_shorten(record.getMessage())} {facts}".rstrip())
        if record.exc_info and record.exc_info[1]:
            return f"{line}\n{_shorten_traceback(self.formatException(record.exc_info))}"
        return line


class JsonLines(logging.Formatter):
    """{"time": …, "level": "info", "event": "start", "request_id": …}"""

    def format(self, record: logging.LogRecord) -> str:
        """A record → its line."""
        line = {
            "time": _format_time(record),
            "level": record.levelname.lower(),
            "event": _shorten(record.getMessage()),
        } | _list_facts(record)
        if record.exc_info and record.exc_info[1]:
            line["traceback"] = _shorten_traceback(self.formatException(record.exc_info))
        return make_plain(json.dumps(line, default=str, ensure_ascii=False))


def make_plain(text: str) -> str:
    """One line that no terminal obeys: line breaks, escapes and directions of writing as JSON writes them (\\u001b)."""
    return text if text.isprintable() else "".join(each if each.isprintable() else _escape(each) for each in text)


def _escape(character: str) -> str:
    return json.dumps(character)[1:-1]


def _format_time(record: logging.LogRecord) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"


def _quote(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if not text or any(each in text for each in ' "=') else text
