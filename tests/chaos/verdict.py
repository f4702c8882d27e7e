"""What is wrong with a campaign, in words and in numbers: a pure function of what was seen."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

from emotalk.errors import JobFailed
from tests.chaos.asked import Asked
from tests.chaos.campaign import Seen
from tests.chaos.director import KILL_EVERY_SECONDS
from tests.chaos.programs import End
from tests.chaos.witness import Span

INTERRUPTED_SHARE = 0.25
"""While a broker stands still, which in half a minute is a third of the time, nobody has a job in hand."""
CLUSTER_SHARE = 0.0
"""There it is brokers that matter, and while too few are left nobody has a job in hand."""
_UNAVAILABLE, _HUNG, _KILLED, _TERMINATED, _SEGFAULT, _STILL = 5, 70, -9, -15, -11, 1


@dataclass(frozen=True)
class Figures:
    """Of one campaign, or of several.

    `accepted` counts requests whose client heard so; `answered` those of them that got every frame, or, if they were
    poisoned, the failure that was due.
    """

    accepted: int = 0
    answered: int = 0
    poisoned: int = 0
    buried: int = 0
    lost: int = 0
    doubled: int = 0
    disordered: int = 0
    kills: dict[str, int] = field(default_factory=lambda: {"worker": 0, "server": 0, "broker": 0})
    jobs_interrupted: int = 0

    def __add__(self, other: "Figures") -> "Figures":
        mine, theirs = asdict(self), asdict(other)
        kills = {who: self.kills[who] + other.kills[who] for who in self.kills}
        return Figures(**{name: mine[name] + theirs[name] for name in mine if name != "kills"}, kills=kills)

    def as_json(self, **more: object) -> str:
        """One line."""
        return json.dumps({**asdict(self), **more}, ensure_ascii=False)


@dataclass(frozen=True)
class Verdict:
    """`faults` are complaints of clients and operators; `weak` is why a run proves less than it should."""

    figures: Figures
    faults: list[str]
    weak: list[str]


def judge(seen: Seen) -> Verdict:
    """Everything that was promised, checked."""
    broken = list(_broken(seen))
    lost = {**{i: words for i, gap, words in broken if gap}, **dict(_unanswered(seen))}
    doubled = {i: words for i, gap, words in broken if not gap}
    disordered = [*_out_of_turn(seen), *_out_of_line(seen.starts)]
    others = [*_spoilt(seen), *_wrongly_buried(seen), *_refused(seen), *_left(seen), *_unexplained(seen)]
    faults = [f"{i}: {words}" for i, words in [*lost.items(), *doubled.items()]] + disordered + others
    return Verdict(_figures(seen, len(lost), len(doubled), len(disordered)), faults, list(_weak(seen)))


def _figures(seen: Seen, lost: int, doubled: int, disordered: int) -> Figures:
    accepted = [each for each in seen.asked if each.accepted is not None]
    struck = Counter(each.kind for each in seen.strikes)
    return Figures(
        accepted=len(accepted),
        answered=sum(_answered(each) for each in accepted),
        poisoned=sum(each.poisoned for each in accepted),
        buried=len(seen.buried),
        lost=lost,
        doubled=doubled,
        disordered=disordered,
        kills={who: struck[who] for who in ("worker", "server", "broker")},
        jobs_interrupted=sum(bool(each.job) for each in seen.strikes),
    )


def _answered(asked: Asked) -> bool:
    return isinstance(asked.error, JobFailed) if asked.poisoned else _whole(asked)


def _whole(asked: Asked) -> bool:
    """The client library came to an end without an error, and all frames are there."""
    return bool(asked.digest) and sum(count for _, count, _ in asked.spans) == asked.frames


def _unanswered(seen: Seen) -> Iterator[tuple[str, str]]:
    """Lost: accepted, and neither answered in full nor, if it was poisoned, refused with the failure that is due."""
    for each in seen.asked:
        if each.accepted is not None and not _answered(each):
            got = sum(count for _, count, _ in each.spans)
            yield each.request_id, f"{got} of {each.frames} frames came, {each.error or 'and no error'}"


def _broken(seen: Seen) -> Iterator[tuple[str, bool, str]]:
    """(request, is it a gap, words): per call, as it came over the wire; per answer, as the library handed it out."""
    for call in seen.calls:
        yield from ((call.request_id, gap, f"in one call, {words}") for gap, words in _breaks(call.spans, call.start))
    for each in seen.asked:
        yield from ((each.request_id, gap, f"handed out were {words}") for gap, words in _breaks(each.spans, 0))


def _breaks(spans: Sequence[Span], start: int) -> Iterator[tuple[bool, str]]:
    due = start
    for number, (first, count, final) in enumerate(spans, 1):
        if first != due:
            yield first > due, f"frames {first}..{first + count - 1} where {due} was due"
        if final and number != len(spans):
            yield False, f"more responses after the final one, which ended before frame {first + count}"
        due = first + count


def _spoilt(seen: Seen) -> Iterator[str]:
    for each in seen.asked:
        if not each.poisoned and _whole(each) and each.digest != each.expected():
            yield f"{each.request_id}: its frames differ from an undisturbed run's"


def _out_of_turn(seen: Seen) -> Iterator[str]:
    """Per session: first starts in the order in which its client heard that it was accepted."""
    began = {line["request_id"]: number for number, line in reversed(list(enumerate(seen.starts)))}
    sessions: dict[str, list[Asked]] = defaultdict(list)
    for each in seen.asked:
        if each.session_id and each.accepted is not None and each.request_id in began:
            sessions[each.session_id].append(each)
    for requests in sessions.values():
        requests.sort(key=lambda each: each.accepted or 0)
        for one, next_ in pairwise(requests):
            if began[one.request_id] > began[next_.request_id]:
                yield f"{next_.request_id} was started before {one.request_id}, which was accepted before it"


def _out_of_line(starts: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Per partition: first starts in the order of offsets."""
    firsts: dict[int, list[int]] = defaultdict(list)
    for line in starts:
        if line["offset"] not in firsts[line["partition"]]:
            firsts[line["partition"]].append(line["offset"])
    for partition, offsets in firsts.items():
        yield from (f"{partition}:{b} was started after {partition}:{a}" for a, b in pairwise(offsets) if b < a)


def _wrongly_buried(seen: Seen) -> Iterator[str]:
    """An innocent request that was, and poison that was not."""
    poisoned = {each.request_id for each in seen.asked if each.poisoned}
    for innocent in sorted(seen.buried - poisoned):
        yield f"{innocent}: buried, and was no poison{_history(seen, innocent)}"
    for each in seen.asked:
        if each.poisoned and each.accepted is not None and each.request_id not in seen.buried:
            yield f"{each.request_id}: poisoned, and not buried"


def _history(seen: Seen, request_id: str) -> str:
    """Who began it when, and who was struck with it in hand."""
    begun = [line for line in seen.begun if line["request_id"] == request_id]
    told = [f"{line['time']} {line['program']} began attempt {line['attempt']}" for line in begun]
    told += [f"{each.name} was struck at {each.at:.1f} s" for each in seen.strikes if each.job == request_id]
    return "".join(f"; {words}" for words in told)


def _refused(seen: Seen) -> Iterator[str]:
    """A request that could be answered, and was not taken even when everything ran again."""
    for each in seen.asked:
        if each.accepted is None:
            yield f"{each.request_id}: never accepted: {each.error or 'nobody answered'}"


def _left(seen: Seen) -> Iterator[str]:
    yield from (f"committed ahead of its results: {each}" for each in seen.ahead)
    yield from (f"left behind: {each}" for each in seen.left)


def _unexplained(seen: Seen) -> Iterator[str]:
    yield from (
        f"{e.program} ended by itself with {e.code}: {e.last_words}"
        for e in seen.ends
        if not _explained(e, seen.stopped)
    )
    for death in seen.deaths:
        if death["exit_code"] not in (_KILLED, _SEGFAULT, _HUNG, _STILL, _UNAVAILABLE):
            yield f"server-1's worker ended by itself with {death['exit_code']}"


def _explained(end: End, stopped: set[int]) -> bool:
    """Killed, told to, at the door of a queue that was away, by its poison, or so long stopped that it took its engine
    for hung.
    """
    poisoned = end.held.startswith("poison") and end.code in (_KILLED, _SEGFAULT, _HUNG, _STILL)
    killed = end.sent == -_KILLED and end.code == _KILLED
    told = end.sent == -_TERMINATED and (end.code == 0 or (end.code == _TERMINATED and not end.up))
    still = end.code in (_HUNG, _STILL) and end.pid in stopped
    return poisoned or killed or told or still or (end.code == _UNAVAILABLE and not end.up)


def _weak(seen: Seen) -> Iterator[str]:
    kills, interrupted = len(seen.strikes), sum(bool(each.job) for each in seen.strikes)
    share = CLUSTER_SHARE if seen.plan.queue == "cluster" else INTERRUPTED_SHARE
    if kills * KILL_EVERY_SECONDS < seen.seconds:
        yield f"only {kills} kills in {seen.seconds:.0f} s"
    if interrupted < share * kills:
        yield f"only {interrupted} of {kills} kills hit a worker with a job in hand"
