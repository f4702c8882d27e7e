"""The ear: it stays calm where nobody speaks, hears a stirred voice, and learns what is calm for this one."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.engines.base import LATENCIES, HearingSession, Latency
from emotalk.engines.builtin import BuiltinEngine
from emotalk.expression.ear import CALM, MANNERS, STATES, Calm, Ear, Gate, Heads, Hearing, heads
from emotalk.expression.feeling import Emotions, Feeling
from emotalk.expression.phrasing import Speech
from emotalk.face import Style
from emotalk.feelings import HEARD
from emotalk.timebase import STEP_FRAMES
from tests.unit.voices import babble

JOY, ANGER, NEUTRAL = (HEARD.index(name) for name in ("joy", "anger", "neutral"))
ODDS = st.lists(st.floats(0.01, 1), min_size=5, max_size=5).map(lambda odds: np.array(odds) / sum(odds))


def one_sided(bias: float, feeling: int = ANGER) -> Heads:
    """Heads that always say the same."""
    biases = np.zeros(5)
    biases[feeling] = bias
    return Heads(np.zeros(2 * STATES), np.zeros(2 * STATES), bias, np.zeros((2 * STATES, 5)), biases)


def heard(ear: Ear, steps: int, speaking: bool = True) -> list[Hearing]:
    states = np.random.default_rng(0).standard_normal((steps * STEP_FRAMES, STATES)).astype(np.float32)
    voice = np.full(steps * STEP_FRAMES, float(speaking), np.float32)
    return [
        ear.step(states[i : i + STEP_FRAMES], voice[i : i + STEP_FRAMES]) for i in range(0, len(voice), STEP_FRAMES)
    ]


@pytest.mark.parametrize("latency", LATENCIES)
def test_the_heads_of_the_package_fit_the_states_of_each_graph(latency: Latency) -> None:
    """Whoever trains the recogniser anew trains the ear anew: its usual calm is that of these states."""
    session = BuiltinEngine().open(Style(), latency)
    assert isinstance(session, HearingSession)
    session.push(babble(seconds=4.0))
    spoken = session.states[session.voice > 0.5]
    statistics = np.concatenate([spoken.mean(0), spoken.std(0)])
    away = np.corrcoef(statistics, heads(latency == "live").usual)[0, 1]
    assert away > 0.8, "run python -m training.feeling"


def test_the_heads_take_less_than_64_kb() -> None:
    parts = [part for each in (heads(), heads(True)) for part in (each.usual, each.activation, each.feelings)]
    assert sum(part.size for part in parts) * 4 < 64_000


def test_a_live_stream_is_heard_by_heads_of_its_own() -> None:
    assert not np.array_equal(heads().feelings, heads(True).feelings)
    for live in (False, True):
        feeling = Emotions("shy").begin(draws_feelings=False, latency="live" if live else "near")
        wanted = Feeling((), "shy", 0.6, 1.0, heads(live))
        assert feeling
        assert np.array_equal(_said(feeling), _said(wanted))


def _said(feeling: Feeling) -> np.ndarray:
    chance, none = np.random.default_rng(0), np.zeros(60)
    speech = Speech(none, none, none, none + 1, none > 0, none.astype(int), none.astype(int))
    feeling.go_on(speech, chance.random((60, STATES), np.float32), np.ones(60, np.float32))
    return feeling.track().rows


def test_a_live_ear_follows_what_it_hears_sooner_since_it_cannot_be_ahead() -> None:
    seconds = [heads(live).smoothed for live in (False, True)]
    shares = [heard(Ear(MANNERS["shy"], replace(one_sided(9.0), smoothed=each)), 8)[-1].activation for each in seconds]
    assert shares[0] < shares[1]


def test_a_stirred_voice_that_is_not_sure_leans_and_a_calm_one_does_not() -> None:
    for bias, leans in ((20.0, True), (-20.0, False)):
        biases = np.zeros(5)
        biases[[JOY, ANGER]] = (1.0, 0.0)
        stirred = Heads(np.zeros(2 * STATES), np.zeros(2 * STATES), bias, np.zeros((2 * STATES, 5)), biases)
        last = heard(Ear(MANNERS["shy"], stirred), 40)[-1]
        assert last.named == ""
        assert bool(last.strengths().get("joy")) == leans
        assert abs(last.lean) <= MANNERS["shy"].hint


def test_the_less_was_heard_the_less_is_sure() -> None:
    ears = ((Ear(MANNERS["shy"], one_sided(5.0)), steps) for steps in (10, 40))
    sure = [max(hearing.probabilities[ANGER] for hearing in heard(ear, steps)) for ear, steps in ears]
    assert sure[0] < 0.5 < sure[1]


def test_in_silence_nothing_is_heard() -> None:
    assert heard(Ear(MANNERS["bold"], one_sided(20.0)), 30, speaking=False) == [CALM] * 30


def test_a_feeling_is_named_once_it_is_sure_and_fades_in_silence() -> None:
    ear = Ear(MANNERS["shy"], one_sided(20.0))
    named = [hearing.named for hearing in heard(ear, 30)]
    assert named[:5] == [""] * 5
    assert named[-1] == "anger"
    after = heard(ear, 40, speaking=False)
    assert after[5].named == "anger", "a short pause is not the end of a feeling"
    assert after[-1].named == ""
    assert after[-1].activation < 0.05


@given(st.lists(ODDS, max_size=30))
def test_fear_and_neutral_are_never_named_and_joy_needs_more(heard: list[np.ndarray]) -> None:
    gate, manner = Gate(MANNERS["shy"]), MANNERS["shy"]
    for odds in heard:
        named = gate.name(odds.tolist())
        assert named in ("", "anger", "joy", "sadness")
        assert not named or odds[HEARD.index(named)] >= manner.release


@pytest.mark.parametrize("feeling", ["joy", "anger", "sadness"])
@pytest.mark.parametrize("manner", MANNERS)
def test_gates_are_those_of_the_manner(manner: str, feeling: str) -> None:
    sure: float = getattr(MANNERS[manner], feeling)
    for share, named in ((sure + 0.01, feeling), (sure - 0.01, "")):
        odds = np.full(5, (1 - share) / 4)
        odds[HEARD.index(feeling)] = share
        assert Gate(MANNERS[manner]).name(odds.tolist()) == named


def test_a_voice_s_calm_begins_with_the_usual_and_moves_to_its_own() -> None:
    calm = Calm(np.zeros(3))
    calm.learn(np.ones(3))
    assert calm.mean[0] == pytest.approx(1 / 41)
    for _ in range(2_000):
        calm.learn(np.ones(3))
    assert calm.mean[0] > 0.9


def test_a_voice_that_is_always_angry_does_not_become_calm() -> None:
    ear = Ear(MANNERS["shy"], one_sided(20.0))
    heard(ear, 100)
    assert np.array_equal(ear._calm.mean, np.zeros(2 * STATES))
    calm = Ear(MANNERS["shy"], one_sided(-20.0, NEUTRAL))
    heard(calm, 5)
    assert np.array_equal(calm._calm.mean, np.zeros(2 * STATES))
