"""A worker's end of the request log on Kafka.

While a claim is held every partition of ours is held still, and `keep` goes on polling: that is how a job may run
longer than max.poll.interval.ms without the group taking it away.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import count

from confluent_kafka import KafkaError, Message

from emotalk.errors import ClaimLost, ConfigurationError, EmoTalkError, QueueError, QueueUnavailable
from emotalk.queues.base import Claim, Cursor
from emotalk.queues.kafka.claims.marks import Mark
from emotalk.queues.kafka.claims.member import Member
from emotalk.queues.kafka.client.cluster import Cluster
from emotalk.queues.kafka.client.faults import kafka_error
from emotalk.queues.kafka.client.records import earliest_of, epoch_of, headers_of, place_of, request_of
from emotalk.queues.kafka.client.topics import delete_before
from emotalk.queues.kafka.client.writer import Outgoing, Writer
from emotalk.queues.kafka.job_notes.journal import Journal, letter_record
from emotalk.queues.kafka.job_notes.register import Register, tombstones
from emotalk.queues.strangers import place_id

_SETTLE_SECONDS = 5.0
_PAUSE_SECONDS = 0.05
_FRESH_SECONDS = 1.0
_QUARREL_SECONDS = 60.0
# A commit that crosses the end of a cooperative rebalance carries the old generation and is refused, though its
# partition stays ours: it is to be repeated. If the partition is gone, `lost` is called.
_SETTLING = {
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
    KafkaError._WAIT_COORD,
}


@dataclass
class _Hand:
    """The claim in hand, and what to commit should its partition be handed over now.

    `earliest`: no result of it stands before. `settling`: its attempt begins, and the group has not said so yet.
    `spared`: attempts that its mark counts and nobody else, since their workers live.
    """

    claim: Claim
    attempt: int
    earliest: Cursor | None = None
    spared: int = 0
    parting: Mark | None = None
    parted: bool = False
    settling: bool = False

    def mark(self, attempt: int) -> Mark:
        """What says that this attempt has begun."""
        return Mark(self.claim.offset, self.claim.request.request_id, attempt + self.spared)


class KafkaConsumer:
    """A worker in the group.

    With a `name` it is a static member: restarted within the session's ten seconds it is given its own partitions back
    at once, but even an orderly close leaves them idle for that long. Without a name it leaves when it closes, and
    others take over at once.
    """

    def __init__(self, cluster: Cluster, register: Register, name: str, max_poll_interval_ms: int) -> None:
        self._cluster, self._name = cluster, name
        self._hand: _Hand | None = None
        self._closed = False
        self._marks: dict[int, Mark] = {}
        self._reached: dict[int, int] = {}
        self._to_spare: list[tuple[Claim, int]] = []
        self._tokens = count(1)
        self._register, self._writer = register, Writer(cluster)
        # Two connections: a broker answers each in its order, and a result is not to wait behind a note.
        self._notes = Writer(cluster)
        self._journal = Journal(cluster, register, self._notes)
        self._log = register.identity.number
        self._join = partial(Member, cluster, name, max_poll_interval_ms, self)
        self._member, self._joined_again = self._join(), -_QUARREL_SECONDS

    def claim(self, timeout: float) -> Claim | None:
        """See Consumer.claim. Raises ConfigurationError where another worker has taken this one's name."""
        if self._member.fenced:
            self._join_again()
        self._follow_the_log()
        self._put_back()
        self._spare()
        until = time.monotonic() + timeout
        while True:
            self._member.release()
            message = self._member.poll(max(0.0, until - time.monotonic()))
            if message is None:
                return None
            claim = self._take(message)
            if not self._journal.is_over(claim):
                return claim
            self._pass(claim)

    def _take(self, message: Message) -> Claim:
        (partition, offset), found = place_of(message), headers_of(message)
        request = request_of(message, found)
        try:
            if self._journal.is_nameless(request, (partition, offset)):
                request = replace(request, request_id=place_id(partition, offset))
            marked = self._mark_on(partition).attempts_of(offset, request.request_id)
            epoch = self._journal.epoch_of(request.request_id, (partition, offset), epoch_of(found))
            spared = self._journal.count_spared(request.request_id, epoch, (partition, offset), marked)
        except QueueError:
            self._member.seek(partition, offset)
            raise
        claim = Claim(request, partition, offset, marked - spared, next(self._tokens), epoch)
        self._hand = _Hand(claim, claim.attempts, earliest_of(found), spared)
        return claim

    def _pass(self, claim: Claim) -> None:
        """Move on past a request that was taken away, or answered by a worker that died before it could commit."""
        try:
            self._done_with(claim)
        except ClaimLost:
            self._hand = None

    def standing_by(self) -> bool:
        """See Consumer.standing_by."""
        return self._member.settled and not self._member.owned

    def begin(self, claim: Claim, attempt: int) -> None:
        """See Consumer.begin: the unchanged offset is committed, with the attempt as its metadata.

        Nobody waits for that where nobody can have begun the request before (docs/decisions/0040). Whoever follows a
        worker that died in it begins it as the first of its partition, and then it is waited for.
        """
        hand = self._hold(claim)
        mark, before = hand.mark(attempt), hand.mark(attempt - 1)
        if attempt == 1 and hand.earliest and self._is_ours_alone(claim):
            self._member.commit_behind(claim.partition, mark, self._journal.open(claim, hand.earliest))
            hand.attempt, hand.parting, hand.settling = attempt, before, True
            return
        noted = self._journal.begin(claim, attempt)
        self._commit(claim, mark, self._serve)
        hand.attempt, hand.parting, hand.settling = attempt, before, False
        noted()

    def _is_ours_alone(self, claim: Claim) -> bool:
        """Have we answered the request before it, and is nothing known of this one?"""
        return self._reached.get(claim.partition) == claim.offset and self._journal.is_untouched(claim)

    def _settle(self, hand: _Hand) -> None:
        """What begin has left under way is done now, or done again."""
        if hand.settling:
            hand.settling = False
            if self._member.settle_commit() is not None:
                self._commit(hand.claim, hand.mark(hand.attempt), self._serve)

    def keep(self, claim: Claim) -> None:
        """See Consumer.keep."""
        self._follow_the_log()
        self._hold(claim)
        self._serve(0)
        self._hold(claim)
        self._journal.check(claim)
        self._journal.keep(claim)

    def publish(self, claim: Claim, results: Sequence[bytes]) -> None:
        """See Consumer.publish.

        The group is asked first whether we still belong to it, unless it said so within the last second. A fence,
        though no transaction: who is suspended between the answer and the write publishes late, and the reader drops
        the repetition.
        """
        self._journal.check(claim)
        self._publish(claim, results)

    def _publish(self, claim: Claim, results: Sequence[bytes]) -> None:
        self._fence(claim)
        records = [Outgoing(claim.request.request_id, each) for each in results]
        self._journal.published(claim, self._writer.write(self._cluster.results, records))

    def complete(self, claim: Claim) -> None:
        """See Consumer.complete. Deleting the payload is left to `housekeep`."""
        self._follow_the_log()
        hand = self._hold(claim)
        self._settle(hand)
        self._journal.end(claim, "done", hand.attempt)
        self._done_with(claim)
        self._reached[claim.partition] = claim.offset + 1

    def _done_with(self, claim: Claim) -> None:
        hand = self._hold(claim)
        hand.parting = Mark(claim.offset + 1)
        try:
            self._commit(claim, hand.parting, self._serve)
        except ClaimLost:
            if not hand.parted:  # else the hand-over itself has committed it, in the middle of this call
                raise
        self._hand = None

    def bury(self, claim: Claim, letter: bytes, error: str, results: Sequence[bytes]) -> None:
        """See Consumer.bury. Repeated after an outage it may leave a second letter, never none."""
        hand = self._hold(claim)
        self._settle(hand)
        self._journal.check(claim)
        self._fence(claim)
        grave = self._journal.grave_of(claim)
        [place] = self._writer.write(self._cluster.dead, [letter_record(grave, letter, error, hand.attempt)])
        self._publish(claim, results)
        self._journal.end(grave, "dead", hand.attempt, error, place)
        self._done_with(claim)

    def give_back(self, claim: Claim) -> None:
        """See Consumer.give_back."""
        hand = self._hold(claim)
        self._settle(hand)
        if hand.parting is not None:
            self._commit(claim, hand.parting, self._serve)
            self._journal.give_back(claim, hand.attempt - 1)
        self._put_back()

    def housekeep(self) -> None:
        """Delete the requests that are answered: those below the committed offset of our partitions.

        So a group whose offsets have expired (offsets.retention.minutes counts while it has no member: seven days by
        default) starts again at the oldest record that is left, and repeats an hour of work at most.
        """
        for partition in sorted(self._member.owned):
            delete_before(self._cluster, partition, self._member.committed(partition).offset)
        if 0 in self._member.owned:  # one worker is enough
            self._register.identity.mend()
            for request_id in self._register.list_expired():
                self._writer.write(self._cluster.jobs, tombstones(request_id))

    def close(self) -> None:
        """See Consumer.close."""
        if not self._closed:
            self._closed = True
            self._hand = None
            self._member.close()
            with suppress(EmoTalkError):
                self._spare()
            self._writer.close()
            self._notes.close()

    def arrived(self, partitions: set[int]) -> None:
        """See Rebalanced.arrived: their marks have yet to be read."""
        for partition in partitions:
            self._marks.pop(partition, None)
            self._reached.pop(partition, None)

    def leaving(self, partitions: set[int]) -> None:
        """See Rebalanced.leaving: the attempt it interrupts does not count; work that is done is not repeated."""
        hand = self._drop(partitions)
        if hand is not None and hand.parting is not None:
            hand.parted = self._member.commit(hand.claim.partition, hand.parting) is None
            if not hand.parted:
                self._forgive(hand)

    def lost(self, partitions: set[int]) -> None:
        """See Rebalanced.lost."""
        self._forgive(self._drop(partitions))

    def _forgive(self, hand: _Hand | None) -> None:
        """Where the broker was out of reach, not we asleep, the attempt does not count, whoever makes the next."""
        if hand is not None and hand.attempt > hand.claim.attempts and not self._member.stalled:
            self._to_spare.append((hand.claim, hand.mark(hand.attempt).attempt))
            self._marks.pop(hand.claim.partition, None)  # its mark may have arrived all the same

    def _spare(self) -> None:
        while self._to_spare:
            self._journal.spare(*self._to_spare[0])
            del self._to_spare[0]

    def _join_again(self) -> None:
        """After a broker that hung, librdkafka's attempts to join can fence one another: once more is enough.

        Twice within a minute it is another process.
        """
        if time.monotonic() - self._joined_again < _QUARREL_SECONDS:
            raise ConfigurationError(f"Another worker runs under the name {self._name!r}; give each a name of its own.")
        self._joined_again = time.monotonic()
        self._member.close()
        self._member = self._join()

    def _follow_the_log(self) -> None:
        """Begin again where the topics were made again: a request in hand, and all marks, are of those before."""
        self._register.identity.look()
        if self._log != self._register.identity.number:
            self._log = self._register.identity.number
            self._hand = None
            self._to_spare.clear()
            self._marks.clear()
            self._reached.clear()
            self._journal = Journal(self._cluster, self._register, self._notes)
            self._member.close()
            self._member = self._join(from_start=True)

    def _drop(self, partitions: set[int]) -> _Hand | None:
        hand = self._hand
        if hand is None or hand.claim.partition not in partitions:
            return None
        self._hand = None
        return hand

    def _hold(self, claim: Claim) -> _Hand:
        hand = self._hand
        if hand is None or hand.claim.token != claim.token:
            raise ClaimLost(f"{claim.request.request_id} belongs to another worker, or is no longer worked on")
        return hand

    def _commit(self, claim: Claim, mark: Mark, meanwhile: Callable[[float], None]) -> None:
        end = time.monotonic() + _SETTLE_SECONDS
        while True:
            self._hold(claim)
            error = self._member.commit(claim.partition, mark)
            if error is None:
                self._marks[claim.partition] = mark
                return
            if error.code() not in _SETTLING or time.monotonic() > end:
                raise self._refuse(error, claim)
            meanwhile(_PAUSE_SECONDS)

    def _fence(self, claim: Claim) -> None:
        """Raise ClaimLost unless the group knew us a second ago or knows us now."""
        hand = self._hold(claim)
        if self._is_unsure() and hand.settling:
            self._member.settle_commit()
        if self._is_unsure():
            self._commit(claim, hand.mark(hand.attempt), time.sleep)
            self._hold(claim)

    def _is_unsure(self) -> bool:
        return time.monotonic() - self._member.confirmed_at > _FRESH_SECONDS

    def _refuse(self, error: KafkaError, claim: Claim) -> Exception:
        refusal = kafka_error(error, f"committing {claim.request.request_id}")
        if error.fatal() or error.code() == KafkaError._FATAL:
            # Not an outage to wait for: this membership never commits again, and only `claim` joins anew.
            refusal = ClaimLost(str(refusal))
        if isinstance(refusal, ClaimLost):
            self._forgive(self._hand)  # `lost` comes too late to find it
            self._put_back()
        return refusal

    def _put_back(self) -> None:
        """Let go of the request. Where its partition is still ours, nobody else will deliver it: read it again."""
        hand, self._hand = self._hand, None
        if hand is not None:
            self._member.seek(hand.claim.partition, hand.claim.offset)

    def _mark_on(self, partition: int) -> Mark:
        if partition not in self._marks:
            self._marks[partition] = self._member.committed(partition)
        return self._marks[partition]

    def _serve(self, timeout: float) -> None:
        """Poll for the group's sake; a record that slips through belongs to a later claim and is put back."""
        self._member.hold()
        try:
            message = self._member.poll(timeout)
        except QueueUnavailable:  # keeping needs no broker: when the session ends, `lost` is called
            return
        if message is not None:
            self._member.seek(*place_of(message))
