"""Show what is queued, running, done and buried.

`list` has a line for each, `show ID` everything about one.
"""

import argparse
import json
import time

from emotalk import wiring
from emotalk.cli import flags
from emotalk.cli.settled import settle
from emotalk.errors import ConfigurationError, EmoTalkError, InvalidRequest
from emotalk.jobs.codec import decode_letter
from emotalk.queues.base import JobRow
from emotalk.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """list | show ID."""
    parser.add_argument("what", choices=("list", "show"), help="all, or one")
    parser.add_argument("request_id", metavar="ID", nargs="?", help="of the request to show")
    parser.add_argument("--json", action="store_true", help="for programs")
    flags.add_queue(parser, "sqlite, a file in the user's state folder")
    flags.add_logs(parser)


def run(parsed: argparse.Namespace) -> None:
    """Print rows."""
    settings = settle(parsed, shared=True, log_level="warning")
    if parsed.what == "show" and not parsed.request_id:
        raise ConfigurationError("request_id: none was given. Type: emotalk jobs show ID.")
    rows = _rows(settings)
    if parsed.what == "show":
        _show(parsed.request_id, rows, parsed.json)
    elif parsed.json:
        print(json.dumps([_facts(row) for row in rows], ensure_ascii=False))
    else:
        _list(rows)


def _rows(settings: Settings) -> list[JobRow]:
    queue = wiring.queue(settings)
    queue.prepare()
    try:
        return queue.jobs()
    finally:
        queue.close()


def _list(rows: list[JobRow]) -> None:
    print(f"{'STATE':8} {'ATTEMPTS':8} {'PLACE':>10} {'SECONDS':>8} {'AGE':>8}  ID")
    for row in rows:
        place, seconds = f"{row.partition}:{row.offset}", row.headers.get("seconds", "?")
        print(f"{row.state:8} {row.attempts:8} {place:>10} {seconds:>8} {_age(row):>8}  {row.request_id}")


def _show(request_id: str, rows: list[JobRow], as_json: bool) -> None:
    chosen = [row for row in rows if row.request_id == request_id]
    if not chosen:
        raise InvalidRequest("request_id", f"'{request_id}' is not known here", "See the ids with: emotalk jobs list")
    for row in chosen:
        facts = _facts(row)
        if as_json:
            print(json.dumps(facts, ensure_ascii=False))
        else:
            print("\n".join(f"{name:14} {value}" for name, value in facts.items()))


def _facts(row: JobRow) -> dict[str, object]:
    facts: dict[str, object] = {
        "request_id": row.request_id,
        "state": row.state,
        "partition": row.partition,
        "offset": row.offset,
        "attempts": row.attempts,
        **row.headers,
    }
    if row.error:
        facts["error"] = row.error
    if row.state == "dead":
        facts |= _letter_facts(row)
    return facts


def _letter_facts(row: JobRow) -> dict[str, object]:
    try:
        letter = decode_letter(row.payload)
    except EmoTalkError as error:
        return {"letter": f"unreadable: {error}"}
    return {
        "buried_at": letter.buried_at,
        "origin": f"{letter.partition}:{letter.offset}",
        "bytes": len(letter.payload),
    }


def _age(row: JobRow) -> str:
    submitted = row.headers.get("submitted_at")
    return f"{time.time() - float(submitted):.0f} s" if submitted else "?"
