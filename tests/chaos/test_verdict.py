"""The judge is not asleep: each single flaw, planted in a campaign without any, is found and named."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from emotalk.errors import JobFailed
from emotalk.timebase import SAMPLE_RATE
from tests.chaos.asked import Asked
from tests.chaos.campaign import Plan, Seen
from tests.chaos.fleet import Strike
from tests.chaos.programs import End
from tests.chaos.verdict import Figures, judge
from tests.chaos.witness import Call

SECONDS, SEAM = 4, 90


def answered(name: str, turn: int) -> Asked:
    sound = Asked.sound_of(SECONDS * SAMPLE_RATE, turn)
    asked = Asked(name, "conversation", sound, 3, 2.5, accepted=turn)
    asked.spans, asked.digest = [(0, SEAM, False), (SEAM, 30 * SECONDS - SEAM, True)], asked.expected()
    return asked


def started(name: str, offset: int) -> dict[str, Any]:
    return {"request_id": name, "partition": 0, "offset": offset, "attempt": 1}


def flawless() -> Seen:
    """Two answers, and one request that was poisoned, buried, and heard of its failure; ten kills in half a minute."""
    one, two = answered("one", 1), answered("two", 2)
    poison = Asked("poison", "conversation", one.pcm, 23, 1.5, accepted=3, error=JobFailed("it was given up"))
    return Seen(
        plan=Plan("sqlite", 1, 30.0),
        asked=[one, two, poison],
        calls=[Call("one", 0, one.spans), Call("two", 0, two.spans[:1]), Call("two", SEAM, two.spans[1:])],
        strikes=[Strike("worker", "worker-1", 1.0, "one"), *[Strike("server", "server-2", 2.0)] * 2] * 4,
        ends=[End("worker-1", -9, 9, True, "one", ""), End("worker-1", -11, 0, True, "poison", "")],
        starts=[started("one", 0), started("one", 0), started("two", 1), started("poison", 2)],
        deaths=[{"exit_code": -9}],
        ahead=[],
        buried={"poison"},
        left=[],
        seconds=30.0,
        settled=1.0,
    )


def with_answer(seen: Seen, **changes: Any) -> Seen:
    one, *others = seen.asked
    return replace(seen, asked=[replace(one, **changes), *others])


def with_poison(seen: Seen, **changes: Any) -> Seen:
    *others, poison = seen.asked
    return replace(seen, asked=[*others, replace(poison, **changes)])


def with_call(seen: Seen, *spans: tuple[int, int, bool]) -> Seen:
    return replace(seen, calls=[*seen.calls, Call("one", 0, list(spans))])


def with_starts(seen: Seen, *starts: dict[str, Any]) -> Seen:
    return replace(seen, starts=list(starts))


def with_end(seen: Seen, end: End) -> Seen:
    return replace(seen, ends=[*seen.ends, end])


REST = 30 * SECONDS - SEAM
FLAWS: dict[str, tuple[Callable[[Seen], Seen], str, dict[str, int]]] = {
    "no answer": (lambda s: with_answer(s, spans=[]), "0 of 120 frames", {"lost": 1, "answered": -1}),
    "half an answer": (lambda s: with_answer(s, spans=[(0, SEAM, False)]), "90 of 120", {"lost": 1, "answered": -1}),
    "an answer that never ends": (
        lambda s: with_answer(s, digest=b""),
        "and no error",
        {"lost": 1, "answered": -1},
    ),
    "an error instead": (
        lambda s: with_answer(s, spans=[], error=JobFailed("gone")),
        "gone",
        {"lost": 1, "answered": -1},
    ),
    "a gap on the wire": (lambda s: with_call(s, (0, 30, False), (60, 60, True)), "60..119 where 30", {"lost": 1}),
    "a beginning that is missing on the wire": (lambda s: with_call(s, (30, 90, True)), "where 0 was due", {"lost": 1}),
    "frames handed out twice": (
        lambda s: with_answer(s, spans=[(0, SEAM, False), (0, 30, False), (SEAM, REST, True)]),
        "0..29 where 90 was due",
        {"doubled": 1, "lost": 1, "answered": -1},
    ),
    "frames twice on the wire": (
        lambda s: with_call(s, (0, SEAM, False), (SEAM - 1, 1 + REST, True)),
        "89..119 where 90",
        {"doubled": 1},
    ),
    "two last words on the wire": (
        lambda s: with_call(s, (0, SEAM, True), (SEAM, REST, True)),
        "after the final one",
        {"doubled": 1},
    ),
    "another face": (lambda s: with_answer(s, digest=b"other"), "differ from an undisturbed run", {}),
    "a session out of turn": (
        lambda s: with_starts(s, started("two", 0), started("one", 1), started("poison", 2)),
        "two was started before one",
        {"disordered": 1},
    ),
    "a partition out of line": (
        lambda s: with_starts(s, started("one", 1), started("two", 0), started("poison", 2)),
        "0:0 was started after 0:1",
        {"disordered": 1},
    ),
    "an innocent request that is buried": (
        lambda s: replace(s, buried={"poison", "one"}),
        "one: buried, and was no poison",
        {"buried": 1},
    ),
    "poison that is not": (lambda s: replace(s, buried=set()), "poisoned, and not buried", {"buried": -1}),
    "a request that nobody takes": (
        lambda s: with_answer(s, accepted=None, spans=[]),
        "one: never accepted: nobody answered",
        {"accepted": -1, "answered": -1},
    ),
    "poison of which nobody hears": (
        lambda s: with_poison(s, error=None),
        "poison: 0 of 120",
        {"lost": 1, "answered": -1},
    ),
    "a commit ahead of its results": (lambda s: replace(s, ahead=["0:7"]), "committed ahead of its results: 0:7", {}),
    "a process that stays": (lambda s: replace(s, left=["process 7"]), "left behind: process 7", {}),
    "a worker that dies by itself": (
        lambda s: with_end(s, End("worker-2", 1, 0, True, "", "Traceback")),
        "worker-2 ended by itself with 1: Traceback",
        {},
    ),
    "a worker that an innocent job kills": (
        lambda s: with_end(s, End("worker-2", -11, 0, True, "one", "")),
        "worker-2 ended by itself with -11",
        {},
    ),
    "a server that is told to end and fails": (
        lambda s: with_end(s, End("server-1", 1, 15, True, "", "")),
        "server-1 ended by itself with 1",
        {},
    ),
    "a child that dies by itself": (lambda s: replace(s, deaths=[{"exit_code": 2}]), "worker ended by itself", {}),
}


def test_without_a_flaw_nothing_is_found() -> None:
    verdict = judge(flawless())
    assert (verdict.faults, verdict.weak) == ([], [])
    kills = {"worker": 4, "server": 8, "broker": 0}
    assert verdict.figures == Figures(3, 3, 1, 1, kills=kills, jobs_interrupted=4)


@pytest.mark.parametrize("flaw", FLAWS)
def test_each_flaw_alone_is_found_and_counted_as_what_it_is(flaw: str) -> None:
    plant, words, counted = FLAWS[flaw]
    sound, verdict = judge(flawless()).figures, judge(plant(flawless()))
    assert any(words in fault for fault in verdict.faults), verdict.faults
    names = ("accepted", "answered", "poisoned", "buried", "lost", "doubled", "disordered", "jobs_interrupted")
    changed = {name: getattr(verdict.figures, name) - getattr(sound, name) for name in names}
    assert {name: change for name, change in changed.items() if change} == counted


def test_a_worker_that_we_have_stopped_may_take_its_engine_for_hung() -> None:
    seen = with_end(flawless(), End("worker-2", 70, 0, True, "one", "", pid=7))
    assert judge(seen).faults
    assert judge(replace(seen, stopped={7})).faults == []


def test_a_campaign_that_kills_too_little_proves_too_little() -> None:
    seen = flawless()
    assert judge(replace(seen, seconds=37.0)).weak == ["only 12 kills in 37 s"]
    idle = [replace(each, job="") for each in seen.strikes[:4]] + seen.strikes[4:]
    assert judge(replace(seen, strikes=idle)).weak == ["only 2 of 12 kills hit a worker with a job in hand"]


def test_figures_of_several_campaigns_add_up() -> None:
    figures = judge(flawless()).figures
    both = figures + figures
    assert (both.accepted, both.kills["server"], both.jobs_interrupted) == (6, 16, 8)
