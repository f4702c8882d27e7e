"""What a worker notes about the run in its hands, in the topic of jobs."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from emotalk.errors import EmoTalkError, JobCancelled
from emotalk.queues.base import ENDED, Claim, Cursor, JobState, Record
from emotalk.queues.kafka.client.cluster import Cluster
from emotalk.queues.kafka.client.writer import Outgoing, Writer
from emotalk.queues.kafka.job_notes.notes import SPARED, WORK, Note
from emotalk.queues.kafka.job_notes.register import Register
from emotalk.queues.strangers import place_id

_log = logging.getLogger(__name__)

_TAKEN = ENDED - {"done"}
_MOST_SPARED = 10
"""A run that loses more attempts than that to outages may be their cause."""
_QUIET_SECONDS = 0.05
"""So soon after a note no other tells how far the results have come: of a short run its end says it all."""


@dataclass
class _RunNote:
    """The note of the run in hand; `silent` where another record of the same run has been answered already.

    `untouched`: nobody had begun it before, so that its results begin with ours. `said_at`: when, in seconds since
    1970, it was last on its way; `unsaid`: more results have come since.
    """

    token: int
    note: Note
    said_at: float
    silent: bool = False
    untouched: bool = False
    unsaid: bool = False


class Journal:
    """One worker's. The last note of a run is durable before its request is committed, so none is left open."""

    def __init__(self, cluster: Cluster, register: Register, writer: Writer) -> None:
        self._cluster, self._register, self._writer = cluster, register, writer
        self._page: _RunNote | None = None

    def epoch_of(self, request_id: str, place: tuple[int, int], told: int) -> int:
        """The run that a record belongs to; one that an earlier version appended does not tell."""
        note = self._register.table.find(request_id)
        if told or note is None:
            return told or 1
        again = note.state in _TAKEN and (note.partition, note.offset) != place
        return note.epoch + again

    def is_nameless(self, request: Record, place: tuple[int, int]) -> bool:
        """Has its id been given to a request that stands elsewhere, while it does not even say what it holds?"""
        note = self._register.table.find(request.request_id)
        return not request.digest and note is not None and (note.partition, note.offset) != place

    def grave_of(self, claim: Claim) -> Claim:
        """Under which id it is buried: its place's where its own is that of other content, whose note must stay."""
        note = self._register.table.find(claim.request.request_id)
        if note is None or note.epoch != claim.epoch or note.digest in ("", claim.request.digest):
            return claim
        return replace(claim, request=replace(claim.request, request_id=place_id(*_place(claim))))

    def is_over(self, claim: Claim) -> bool:
        """Was this run taken away while it waited, or ended by a worker that died before it could commit?"""
        note = self._register.table.find(claim.request.request_id)
        ended = claim.epoch, "done", *_place(claim)
        done_here = note is not None and (note.epoch, note.state, note.partition, note.offset) == ended
        return done_here or self._is_taken(claim)

    def _is_taken(self, claim: Claim) -> bool:
        """Cancelled or given up; then its id may even be on its next run already."""
        note, own = self._register.table.find(claim.request.request_id), self._own_note(claim)
        return (note is not None and note.epoch > claim.epoch) or (own is not None and own.state in _TAKEN)

    def _own_note(self, claim: Claim) -> Note | None:
        """What is noted of this very run. Under one id two may stand in the log: their content tells them apart."""
        note = self._register.table.find(claim.request.request_id)
        same = note is not None and note.epoch == claim.epoch and note.digest in ("", claim.request.digest)
        return note if same else None

    def spare(self, claim: Claim, marked: int) -> None:
        """Note, and wait until that is durable and known here, that an attempt does not count: its worker lives.

        `marked`: its number in the mark, which goes on counting: it stands for no later attempt.
        """
        request = claim.request
        spared = {*self._spared(request.request_id, claim.epoch, _place(claim)), marked}
        note = Note(claim.epoch, "queued", *_place(claim), request.digest, spared=tuple(sorted(spared)))
        self._writer.write(self._cluster.jobs, [self._register.record(request.request_id, SPARED, note)])
        self._register.table.refresh()

    def count_spared(self, request_id: str, epoch: int, place: tuple[int, int], marked: int) -> int:
        """How many of the first `marked` attempts at the run that stands there do not count."""
        spared = {each for each in self._spared(request_id, epoch, place) if each <= marked}
        return min(len(spared), _MOST_SPARED)

    def _spared(self, request_id: str, epoch: int, place: tuple[int, int]) -> tuple[int, ...]:
        note = self._register.table.find_spared(request_id)
        same = note is not None and (note.epoch, note.partition, note.offset) == (epoch, *place)
        return note.spared if note is not None and same else ()

    def begin(self, claim: Claim, attempt: int) -> Callable[[], object]:
        """Note that an attempt begins, and where its results will; call what is returned to wait until that is durable.

        Raises JobCancelled where the run was taken away before this call.
        """
        request, now = claim.request, self._register.now()
        next_result = self._register.refresh(request.request_id)
        self.check(claim)
        own = self._own_note(claim)
        note = Note(
            claim.epoch,
            "running",
            claim.partition,
            claim.offset,
            request.digest,
            request.headers,
            attempts=attempt,
            first=(own.first if own else None) or next_result,
            last=own.last if own else None,
            started_at=(own.started_at if own else 0.0) or now,
        )
        self._page = _RunNote(claim.token, note, now, silent=own is not None and own.state == "done")
        return self._send(request.request_id, self._page)

    def is_untouched(self, claim: Claim) -> bool:
        """Is nothing known of this run but that it was accepted? Then nobody has begun it, nor taken it away."""
        note = self._register.table.find(claim.request.request_id)
        accepted = claim.epoch, "queued", *_place(claim)
        return (
            note is None
            or note.epoch < claim.epoch
            or (note.epoch, note.state, note.partition, note.offset) == accepted
        )

    def open(self, claim: Claim, earliest: Cursor) -> Callable[[], None]:
        """The first attempt at an untouched run begins; call what is returned to note it, without waiting.

        Whoever asks in between knows `earliest` from the note of acceptance, and looks for results from there on.
        """
        request, now = claim.request, self._register.now()
        note = Note(
            claim.epoch, "running", *_place(claim), request.digest, request.headers, 1, first=earliest, started_at=now
        )
        page = self._page = _RunNote(claim.token, note, now, untouched=True)

        def noted() -> None:
            if self._page is page and page.note.last is None:  # else a newer note has said it
                self._mention(request.request_id, page)

        return noted

    def check(self, claim: Claim) -> None:
        """Raise JobCancelled where the run is known to have been taken away."""
        if self._is_taken(claim):
            raise JobCancelled(f"{claim.request.request_id} was cancelled")

    def published(self, claim: Claim, places: Sequence[Cursor]) -> None:
        """Note how far the results have come, at once or with what follows: see `keep`."""
        page = self._page_of(claim)
        if not places or page is None:
            return
        first = page.note.first
        moved = first is None or first[0] != places[0][0]  # somebody has added partitions meanwhile
        if moved:
            self._register.count_partitions_again()
        if moved or (page.untouched and page.note.last is None):
            first = places[0]
        page.note = replace(page.note, first=first, last=places[-1])
        page.unsaid = True
        if not 0 <= self._register.now() - page.said_at < _QUIET_SECONDS:
            self.keep(claim)

    def keep(self, claim: Claim) -> None:
        """Note what is still unsaid; called while the run lasts."""
        page = self._page_of(claim)
        if page is not None and page.unsaid:
            self._mention(claim.request.request_id, page)

    def _mention(self, request_id: str, page: _RunNote) -> None:
        """Not waited for: the next note says it again."""
        page.said_at, page.unsaid = self._register.now(), False
        try:
            self._send(request_id, page)
        except EmoTalkError as error:
            _log.debug("progress of %s not noted: %s", request_id, error)

    def end(self, claim: Claim, state: JobState, attempts: int, error: str = "", letter: Cursor | None = None) -> None:
        """Note how the run ends, and wait until that is durable. What was taken away stays so."""
        request, page = claim.request, self._page_of(claim)
        known = self._register.table.find(request.request_id)
        if (page is not None and page.silent) or (known is not None and known.epoch > claim.epoch):
            return
        own = self._own_note(claim)
        if own is not None and own.state in _TAKEN:
            state, error, letter = own.state, own.error, own.letter
        note = page.note if page else Note(claim.epoch, state, *_place(claim), request.digest, request.headers)
        note = replace(
            note, state=state, error=error, letter=letter, attempts=attempts, finished_at=self._register.now()
        )
        self._writer.write(self._cluster.jobs, [self._register.record(request.request_id, WORK, note)])

    def give_back(self, claim: Claim, attempts: int) -> None:
        """Note that the run waits again, and wait until that is durable: whoever asks next must not hear otherwise."""
        page = self._page_of(claim)
        if page is None:
            return
        page.note = replace(page.note, state="queued", attempts=attempts)
        self._send(claim.request.request_id, page)()

    def _send(self, request_id: str, page: _RunNote) -> Callable[[], object]:
        if page.silent:
            return list
        return self._writer.send(self._cluster.jobs, [self._register.record(request_id, WORK, page.note)])

    def _page_of(self, claim: Claim) -> _RunNote | None:
        page = self._page
        return page if page is not None and page.token == claim.token else None


def letter_record(claim: Claim, letter: bytes, error: str, attempts: int) -> Outgoing:
    """A dead letter, with headers of plain text."""
    return letter_of(claim.request, _place(claim), letter, error, attempts, claim.epoch)


def letter_of(
    request: Record, place: tuple[int, int], letter: bytes, error: str, attempts: int, epoch: int
) -> Outgoing:
    """The same, of a request that is in nobody's hands."""
    origin = {"partition": str(place[0]), "offset": str(place[1]), "attempts": str(attempts), "epoch": str(epoch)}
    own = {"request_id": request.request_id, "digest": request.digest, "error": error}
    return Outgoing(request.request_id, letter, {**request.headers, **own, **origin})


def _place(claim: Claim) -> tuple[int, int]:
    return claim.partition, claim.offset
