"""Show what is queued, running, done and buried; try again, put aside, cancel, delete.

`list` has a line for each, `show ID` everything about one. `retry ID` queues a buried job again under its id, `bury ID`
puts one aside that waits or is stuck, `cancel ID` takes one away, `delete ID` deletes dead letters, voices and all.
"""

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from emotalk.cli import flags
from emotalk.cli.exits import complain
from emotalk.cli.logs import make_plain
from emotalk.cli.settings_from_flags import load_settings
from emotalk.errors import ConfigurationError, EmoTalkError, NoQueue, UnknownJob
from emotalk.jobs import actions
from emotalk.jobs.codec import decode_letter
from emotalk.processes import parts
from emotalk.queues.base import JobRow, Ledger, Queue
from emotalk.queues.strangers import number
from emotalk.settings import Settings

_VERBS = ("list", "show", "retry", "bury", "cancel", "delete")
_MOMENTS = ("submitted_at", "started_at", "finished_at", "retried_at", "buried_at")
_NUMBERS = ("seconds", "frames", "submitted_at")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """list | show ID | retry ID | bury ID | cancel ID | delete ID."""
    parser.add_argument("what", choices=_VERBS, metavar=f"{{{','.join(_VERBS)}}}", help="what to do")
    parser.add_argument("request_id", metavar="ID", nargs="*", help="of the requests; list needs none")
    flags.add(parser, "--all", action="store_true", help="`retry`, `delete`: every dead letter")
    reason = "`bury`: the reason that clients are told and the dead letter keeps"
    flags.add(parser, "--reason", default="put aside by hand", metavar="TEXT", help=reason)
    flags.add(
        parser, "--json", action="store_true", help="for programs: one document (`list`), one line for each (`show`)"
    )
    flags.add_settings(parser, "queue", "log", log_level="warning")


def run(parsed: argparse.Namespace) -> None:
    """Do it."""
    settings = load_settings(parsed, shared=True)
    _check(parsed)
    try:
        _run(settings, parsed)
    except NoQueue as nothing:
        if parsed.what != "list":
            raise UnknownJob(f"{nothing} See what is there with: emotalk jobs list") from nothing
        complain(str(nothing))
        _list([], parsed.json)


def _run(settings: Settings, parsed: argparse.Namespace) -> None:
    with _open(settings) as (queue, ledger):
        if parsed.what == "list":
            _list(ledger.rows(), parsed.json)
        elif parsed.what == "show":
            _show(ledger, parsed)
        else:
            _act(_VERB[parsed.what], queue, ledger, parsed)


def _check(parsed: argparse.Namespace) -> None:
    if parsed.all and parsed.what not in ("retry", "delete"):
        raise ConfigurationError("all: only retry and delete take --all.")
    if parsed.request_id and parsed.all:
        raise ConfigurationError("all: it means every dead letter, and an ID is named as well. Remove one of the two.")
    if parsed.request_id and parsed.what == "list":
        raise ConfigurationError("request_id: jobs list shows all of them. Type: emotalk jobs show ID.")
    if parsed.what != "list" and not parsed.request_id and not parsed.all:
        raise ConfigurationError(f"request_id: none was given. Type: emotalk jobs {parsed.what} ID.")


@contextmanager
def _open(settings: Settings) -> Iterator[tuple[Queue, Ledger]]:
    """A queue that is there: looking must not make one where none is."""
    queue = parts.make_queue(settings)
    queue.prepare(create=False)
    try:
        yield queue, queue.ledger()
    finally:
        queue.close()


def _act(verb: Callable[..., str], queue: Queue, ledger: Ledger, parsed: argparse.Namespace) -> None:
    chosen = parsed.request_id
    if parsed.all:
        chosen = list(dict.fromkeys(row.request_id for row in ledger.rows() if row.state == "dead"))
    for request_id in chosen:
        print(f"{request_id}: {verb(queue, ledger, request_id, parsed)}", flush=True)


def _retry(queue: Queue, ledger: Ledger, request_id: str, _: argparse.Namespace) -> str:
    receipt = actions.retry(ledger, queue.producer(), actions.get_row(ledger, request_id), time.time)
    return f"queued again at {receipt.partition}:{receipt.offset}, run {receipt.epoch}"


def _bury(_: Queue, ledger: Ledger, request_id: str, parsed: argparse.Namespace) -> str:
    return actions.bury(ledger, actions.get_row(ledger, request_id), parsed.reason, time.time).state


def _cancel(_: Queue, ledger: Ledger, request_id: str, __: argparse.Namespace) -> str:
    return actions.cancel(ledger, actions.get_row(ledger, request_id)).state


def _delete(_: Queue, ledger: Ledger, request_id: str, __: argparse.Namespace) -> str:
    if not ledger.delete(request_id):
        raise UnknownJob(f"request_id: '{request_id}' has no dead letter. See them with: emotalk jobs list")
    return "dead letter deleted"


_VERB = {"retry": _retry, "bury": _bury, "cancel": _cancel, "delete": _delete}


def _list(rows: list[JobRow], as_json: bool) -> None:
    if as_json:
        print(make_plain(json.dumps([_list_facts(row) for row in rows], ensure_ascii=False)))
        return
    print(f"{'STATE':9} {'ATTEMPTS':8} {'PLACE':>10} {'SECONDS':>8} {'AGE':>8}  ID")
    for row in rows:
        place, seconds = f"{row.partition}:{row.offset}", row.headers.get("seconds", "?")[:8]
        why = f"  {row.error}" if row.error else ""
        line = f"{row.state:9} {row.attempts:8} {place:>10} {seconds:>8} {_format_age(row):>8}  {row.request_id}{why}"
        print(make_plain(line))


def _show(ledger: Ledger, parsed: argparse.Namespace) -> None:
    rows = ledger.rows()
    for request_id in parsed.request_id:
        chosen = [row for row in rows if row.request_id == request_id]
        if not chosen:
            raise UnknownJob(f"request_id: '{request_id}' is not known here. See the ids with: emotalk jobs list")
        for row in chosen:
            facts = _list_facts(row) | (_list_letter_facts(ledger.payload(row)) if row.state == "dead" else {})
            print(make_plain(json.dumps(facts, ensure_ascii=False)) if parsed.json else _format_facts(facts))


def _format_facts(facts: dict[str, object]) -> str:
    told = (f"{name:14} {_format_moment(value) if name in _MOMENTS else value}" for name, value in facts.items())
    return "\n".join(map(make_plain, told))


def _format_moment(seconds: object) -> str:
    with suppress(ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(float(str(seconds)), UTC).isoformat(" ", "milliseconds")
    return str(seconds)


def _list_facts(row: JobRow) -> dict[str, object]:
    own: dict[str, object] = {
        "request_id": row.request_id,
        "state": row.state,
        "run": row.epoch,
        "partition": row.partition,
        "offset": row.offset,
        "attempts": row.attempts,
    }
    more = {"started_at": row.started_at, "finished_at": row.finished_at, "error": row.error}
    told = {name: _to_number(value) if name in _NUMBERS else value for name, value in row.headers.items()}
    # Once more at the end: a header of the same name, which anybody may have written, is not what the queue says.
    return own | told | own | {name: value for name, value in more.items() if value}


def _to_number(text: str) -> float | int | str:
    """A header as the number that it is; a record that is not ours may have anything there."""
    with suppress(ValueError):
        number = float(text)
        if math.isfinite(number):  # JSON has no other
            return int(text) if text.isdecimal() else number
    return text


def _list_letter_facts(payload: bytes) -> dict[str, object]:
    try:
        letter = decode_letter(payload)
    except EmoTalkError as error:
        return {"letter": f"unreadable: {error}"}
    return {
        "buried_at": letter.buried_at,
        "origin": f"{letter.partition}:{letter.offset}",
        "bytes": len(letter.payload),
    }


def _format_age(row: JobRow) -> str:
    submitted = number(row.headers.get("submitted_at"))
    return f"{time.time() - submitted:.0f} s" if submitted else "?"
