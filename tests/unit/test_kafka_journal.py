"""When a worker notes how far the run in its hands has come, where no broker is needed to see what it writes."""

from collections.abc import Callable, Sequence
from typing import Any, cast

from emotalk.queues.base import Claim, Cursor, Record
from emotalk.queues.kafka.client.cluster import Cluster
from emotalk.queues.kafka.client.writer import Outgoing
from emotalk.queues.kafka.job_notes.journal import Journal
from emotalk.queues.kafka.job_notes.notes import Note, decode_note, encode_note

CLAIM = Claim(Record("one", "", "digest", b"voice"), 0, 7, 0, 1)
EARLIEST: Cursor = (0, 3)


class Quiet:
    """A register whose clock stands still, and that knows of no note."""

    clock = 1000.0

    def __init__(self) -> None:
        self.table, self.spared, self.refreshed = self, list[Note](), 0

    def refresh(self) -> None:
        self.refreshed += 1

    def find_spared(self, _: str) -> Note | None:
        return self.spared[-1] if self.spared else None

    def find(self, _: str) -> None:
        return None

    def now(self) -> float:
        return self.clock

    def record(self, request_id: str, kind: str, note: Note) -> Outgoing:
        return Outgoing(request_id + kind, encode_note(note))


class Paper:
    """A writer that keeps what it was given."""

    def __init__(self) -> None:
        self.notes: list[Note | None] = []

    def send(self, _: str, records: Sequence[Outgoing]) -> Callable[[], list[Cursor]]:
        self.notes += [decode_note(record.value or b"") for record in records]
        return list

    def write(self, topic: str, records: Sequence[Outgoing]) -> list[Cursor]:
        return self.send(topic, records)()

    def tell(self) -> list[tuple[str, Cursor | None, Cursor | None]]:
        return [(note.state, note.first, note.last) for note in self.notes if note is not None]


def begin() -> tuple[Journal, Quiet, Paper, Callable[[], None]]:
    register, paper = Quiet(), Paper()
    journal = Journal(Cluster("nowhere:1"), cast(Any, register), cast(Any, paper))
    return journal, register, paper, journal.open(CLAIM, EARLIEST)


def test_of_a_run_that_is_over_at_once_only_its_end_is_noted_and_says_where_its_results_are() -> None:
    journal, _, paper, noted = begin()
    journal.published(CLAIM, [(0, 5)])
    noted()
    journal.end(CLAIM, "done", 1)
    assert paper.tell() == [("done", (0, 5), (0, 5))]


def test_what_was_not_said_of_a_run_that_lasts_is_said_when_it_is_next_kept_and_only_once() -> None:
    journal, _, paper, noted = begin()
    noted()
    journal.published(CLAIM, [(0, 5), (0, 6)])
    assert paper.tell() == [("running", EARLIEST, None)]
    for _ in range(3):
        journal.keep(CLAIM)
    assert paper.tell()[1:] == [("running", (0, 5), (0, 6))]


def test_results_that_come_long_after_the_note_before_are_noted_at_once() -> None:
    journal, register, paper, noted = begin()
    noted()
    register.clock += 0.06
    journal.published(CLAIM, [(0, 5)])
    journal.published(CLAIM, [(0, 9)])
    register.clock += 0.06
    journal.published(CLAIM, [(0, 11)])
    assert [last for _, _, last in paper.tell()] == [None, (0, 5), (0, 11)]


def test_a_clock_that_is_set_back_silences_nobody() -> None:
    journal, register, paper, noted = begin()
    noted()
    register.clock -= 3600
    journal.published(CLAIM, [(0, 5)])
    assert paper.tell()[-1] == ("running", (0, 5), (0, 5))


def test_who_keeps_a_claim_that_is_no_longer_in_hand_notes_nothing_of_it() -> None:
    journal, _, paper, _ = begin()
    journal.published(CLAIM, [(0, 5)])
    journal.keep(Claim(CLAIM.request, 0, 7, 0, token=2))
    assert not paper.notes


def spare(journal: Journal, register: Quiet, paper: Paper, *marked: int) -> None:
    for each in marked:
        journal.spare(CLAIM, each)
        [*_, note] = paper.notes
        assert note is not None
        register.spared.append(note)


def test_attempts_that_were_lost_in_outages_do_not_count_whoever_lost_them_and_in_whatever_order() -> None:
    journal, register, paper, _ = begin()
    spare(journal, register, paper, 3, 1, 3)
    assert register.refreshed == 3, "what was spared is known here before the next claim"
    counted = [marked - journal.count_spared("one", CLAIM.epoch, (0, 7), marked) for marked in range(6)]
    assert counted == [0, 0, 1, 1, 2, 3]


def test_what_was_spared_one_run_is_not_spared_another_of_the_same_id() -> None:
    journal, register, paper, _ = begin()
    spare(journal, register, paper, 1)
    assert journal.count_spared("one", CLAIM.epoch, (0, 7), 1) == 1
    assert journal.count_spared("one", CLAIM.epoch + 1, (0, 7), 1) == 0
    assert journal.count_spared("one", CLAIM.epoch, (0, 8), 1) == 0


def test_a_run_that_loses_one_attempt_after_another_to_outages_is_spared_ten_of_them() -> None:
    journal, register, paper, _ = begin()
    spare(journal, register, paper, *range(1, 21))
    assert 20 - journal.count_spared("one", CLAIM.epoch, (0, 7), 20) == 10


def test_a_stranger_who_writes_what_is_to_be_spared_makes_nothing_of_it() -> None:
    strange = b'{"version":1,"epoch":1,"state":"queued","offset":7,"spared":[0,-1,"2",1e9,null,{},3]}'
    note = decode_note(strange)
    assert note is not None
    assert note.spared == (2, 3)
