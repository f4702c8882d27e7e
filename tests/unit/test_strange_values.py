"""Whatever stands in a log comes out as what it should be, and fits into every message that tells of it."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.cli import jobs as command
from emotalk.jobs.actions import bury
from emotalk.queues import strangers
from emotalk.queues.base import STATES, JobRow
from emotalk.queues.kafka.claims.marks import Mark, read_mark
from emotalk.queues.kafka.job_notes.notes import decode_note, encode_note
from emotalk.queues.kafka.job_notes.table import row_of
from emotalk.queues.memory import MemoryQueue
from emotalk.server.answers.job_calls import Standing
from emotalk.server.contracts.emotalk_messages import to_message

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**31, -(2**31) - 1, 2**63, 10**400])
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["inf", "nan", "zz", "9" * 5000, "1e400", "²", "١٢", "\ud800"])
    | st.binary(max_size=8)
)
ANYTHING = st.recursive(SCALARS, lambda some: st.lists(some, max_size=3) | st.dictionaries(st.text(max_size=9), some))
HEADERS = st.dictionaries(st.sampled_from(["frames", "seconds", "submitted_at", "state", "attempts"]), ANYTHING)
ROWS = st.builds(
    lambda state, counts, moment, found, error: JobRow(
        "one", state, counts[0], counts[1], counts[2], strangers.headers(found), error, counts[3], started_at=moment
    ),
    st.sampled_from(STATES),
    st.tuples(*[ANYTHING.map(strangers.whole)] * 4),
    ANYTHING.map(strangers.number),
    HEADERS,
    ANYTHING.map(strangers.text),
)


@given(value=ANYTHING)
def test_any_value_is_read_as_what_it_should_be(value: object) -> None:
    assert 0 <= strangers.whole(value) <= strangers.MOST
    assert math.isfinite(strangers.number(value))
    assert isinstance(strangers.blob(value), bytes)
    strangers.text(value).encode()
    for name, each in strangers.headers(value).items():
        assert isinstance(name, str)
        assert isinstance(each, str)


@pytest.mark.parametrize(
    ("written", "read"), [("12", 12), (12, 12), ("0", 0), ("-1", 7), (-1, 7), ("zz", 7), (2**31, 7)]
)
def test_a_count_may_be_written_out(written: object, read: int) -> None:
    assert strangers.whole(written, 7) == read


@given(row=ROWS, done=st.integers(0, strangers.MOST))
@pytest.mark.long
def test_any_row_can_be_told_to_a_client_and_shown_to_a_person(row: JobRow, done: int) -> None:
    told = to_message(Standing(row, None, done, strangers.whole(row.headers.get("frames"))))
    assert told.SerializeToString()
    facts = json.loads(json.dumps(command._list_facts(row)))
    assert (facts["state"], facts["attempts"]) == (row.state, row.attempts), "a header said so"
    command._format_facts(command._list_facts(row))
    command._format_age(row)


@given(
    document=ANYTHING, field=st.sampled_from("epoch state partition offset digest headers first letter error".split())
)
def test_a_note_with_any_value_in_any_field_is_a_note_or_none(document: object, field: str) -> None:
    sound = {"version": 1, "epoch": 1, "state": "running", "partition": 0, "offset": 5}
    found = decode_note(json.dumps({**sound, field: document}, default=str).encode())
    if found is not None:
        assert decode_note(encode_note(found)) == found
        assert to_message(Standing(row_of("one", found), None, 0, 0)).SerializeToString()


@given(attempt=ANYTHING)
def test_a_mark_with_any_attempt_is_a_mark_that_can_be_counted_on(attempt: Any) -> None:
    mark = read_mark(7, json.dumps({"request": "one", "attempt": attempt}, default=str))
    assert 0 <= mark.attempts_of(7, "one") <= strangers.MOST


@pytest.mark.parametrize("document", ["[" * 100_000, '{"a":' * 100_000, "9" * 5000, '{"request": {}}', "1e999"])
def test_a_document_that_no_reader_takes_is_none(document: str) -> None:
    assert decode_note(document.encode()) is None
    assert read_mark(7, document) == Mark(7)


@pytest.mark.parametrize("name", ["", "a\0wish", "a\nb", "x" * 201, "\u202ea"])
def test_what_nobody_could_type_is_not_an_id(name: str) -> None:
    assert not strangers.is_id(name)


def test_a_stranger_that_waits_can_be_put_aside_by_hand() -> None:
    from emotalk.queues.base import Record

    queue = MemoryQueue()
    queue.producer().append(Record("strange", "k", "", b"noise", {"frames": "inf"}))
    ledger = queue.ledger()
    [row] = ledger.rows()
    assert bury(ledger, row, "not ours", lambda: 1.8e9).state == "dead"
