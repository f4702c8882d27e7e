"""What stands in the topic of jobs, and what all notes about one id together say."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.queues.base import ENDED, JobState
from emotalk.queues.kafka.client.murmur import partition_of
from emotalk.queues.kafka.client.records import earliest_of
from emotalk.queues.kafka.job_notes.notes import Note, decode_note, encode_note, split_key
from emotalk.queues.kafka.job_notes.table import Entry

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
CURSORS = st.none() | st.tuples(st.integers(0, 99), st.integers(0, 2**50))
NOTES = st.builds(
    Note,
    st.integers(1, 2**31),
    st.sampled_from(get_args(JobState)),
    st.integers(0, 999),
    st.integers(0, 2**50),
    TEXT,
    st.dictionaries(TEXT, TEXT, max_size=3),
    st.integers(0, 9),
    TEXT,
    CURSORS,
    CURSORS,
    st.floats(0, 4e9),
    st.floats(0, 4e9),
    CURSORS,
)

# Written once, by the first version that kept notes: what it wrote is read for ever.
YESTERDAY = (
    b'{"version":1,"epoch":2,"state":"dead","partition":3,"offset":0,"digest":"d","headers":{"seconds":"1.5"},'
    b'"attempts":5,"error":"EngineError: NaN","first":[1,7],"last":[1,9],"started_at":1.5,"finished_at":2.5,'
    b'"letter":[0,4]}'
)


@given(note=NOTES)
def test_a_note_comes_back_as_it_was(note: Note) -> None:
    assert decode_note(encode_note(note)) == note


def test_yesterdays_notes_are_read_today() -> None:
    told = ("d", {"seconds": "1.5"}, 5, "EngineError: NaN", (1, 7), (1, 9), 1.5, 2.5, (0, 4))
    assert decode_note(YESTERDAY) == Note(2, "dead", 3, 0, *told)


@pytest.mark.parametrize(
    "record", [b"", b"noise", b"[]", b"{}", b'{"state":"dreaming","epoch":1}', b'{"state":"done","first":[1]}']
)
def test_what_is_no_note_or_a_later_versions_is_passed_over(record: bytes) -> None:
    assert decode_note(record) is None


def test_a_later_versions_fields_do_not_hide_what_is_known() -> None:
    later = YESTERDAY.replace(b'"version":1', b'"version":2,"mood":"good"')
    assert decode_note(later) == decode_note(YESTERDAY)


@pytest.mark.parametrize("request_id", ["one", "идентификатор", "a b"])
def test_a_key_names_its_request_and_its_kind(request_id: str) -> None:
    assert split_key(request_id) == (request_id, "")
    assert split_key(f"{request_id}\0wish") == (request_id, "\0wish")


def note(state: JobState, epoch: int = 1) -> Note:
    return Note(epoch, state, 0, 5)


@pytest.mark.parametrize(
    ("entry", "state"),
    [
        (Entry(accepted=note("queued")), "queued"),
        (Entry(accepted=note("queued"), work=note("running")), "running"),
        (Entry(accepted=note("queued", 2), work=note("dead")), "queued"),
        (Entry(accepted=note("queued"), wish=note("cancelled")), "cancelled"),
        (Entry(work=note("running"), wish=note("cancelled"), work_at=9, wish_at=5), "cancelled"),
        (Entry(work=note("done"), wish=note("cancelled"), work_at=9, wish_at=5), "cancelled"),
        (Entry(work=note("done"), wish=note("cancelled"), work_at=5, wish_at=9), "done"),
        (Entry(work=note("dead"), wish=note("failed"), work_at=5, wish_at=9), "failed"),
        (Entry(work=note("done", 2), wish=note("cancelled")), "done"),
        (Entry(accepted=note("queued", 2), wish=note("cancelled")), "queued"),
        (Entry(wish=note("cancelled")), "cancelled"),
    ],
)
def test_the_newest_run_counts_and_in_it_whoever_ended_it_first(entry: Entry, state: JobState) -> None:
    assert entry.current().state == state


@given(late=st.sampled_from(["queued", "running"]))
def test_a_server_that_is_late_does_not_bring_a_job_back_that_is_over(late: JobState) -> None:
    for over in ENDED:
        assert Entry(accepted=note(late), work=note(over)).current().state == over


# Of kafka.common.utils.UtilsTest, and of a broker.
@pytest.mark.parametrize(
    ("key", "hashed"),
    [("21", -973932308), ("foobar", -790332482), ("a-little-bit-long-string", -985981536), ("abc", 479470107)],
)
def test_a_key_goes_where_java_clients_send_it(key: str, hashed: int) -> None:
    for partitions in (1, 3, 7, 100):
        assert partition_of(key, partitions) == (hashed & 0x7FFFFFFF) % partitions


@pytest.mark.parametrize(
    ("results", "place"),
    [
        ("3:17", (3, 17)),
        ("0:0", (0, 0)),
        *((noise, None) for noise in ("", ":", "3", "3:", ":17", "-1:4", "3:-1", "3:17:2", "a:b", "3:" + "9" * 30)),
    ],
)
def test_where_results_begin_at_the_earliest_is_a_place_or_unknown(results: str, place: tuple[int, int] | None) -> None:
    assert earliest_of({"results": results}) == place
