"""The ear: how stirred a voice is, and which feeling it speaks with, ten times a second.

    inner states of the recogniser, voiced frames of the last second ─► mean and spread ─► less this voice's calm
        ─► two linear heads ─► activation · anger, fear, joy, neutral, sadness ─► smooth ─► gate ─► what is drawn

Stirring travels between languages, the feeling hardly does: so it is named only where it is sure. A stirred voice that
no feeling is sure of leans to joy or to anger, and a hint of that is drawn. How the heads are made, and how well they
hear: training/feeling.py, docs/model-card.md. Why so: docs/decisions/0035 and docs/decisions/0053.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emotalk.feelings import HEARD

ANGER, JOY, NEUTRAL = (HEARD.index(name) for name in ("anger", "joy", "neutral"))
STATES = 288

_SPAN, _LEAST = 30, 15
"""Voiced frames that are judged: a second of them, or the half second that is there."""
_SURE = 56
"""Voiced frames from which on a judgement counts whole: after half a second joy and anger are told by chance."""
SMOOTHED, LIVE_SMOOTHED = 0.4, 0.3
"""Seconds over which judgements are smoothed. A live ear cannot be ahead of its face, so it follows sooner."""
_STIRRED, _MUCH = 0.6, 0.85
"""Activation from which on a voice leans, and at which it does so wholly. Calm readers stay below in .99 of it."""
_PATIENCE = 10
"""Steps of silence after which a voice counts as calm again."""
_LEAN, _MEMORY = 40, 600
"""Steps that the usual calm weighs, and after which a voice's own is forgotten."""
_AT_REST: NDArray[np.float64] = np.eye(1 + len(HEARD))[1 + NEUTRAL]
"""No activation, and neutral."""

Row = NDArray[np.float64]


@dataclass(frozen=True)
class Heads:
    """`usual`: statistics of calm speech [576]; `activation` [576], `feelings` [576, 5], and what is added to each.

    `smoothed`: seconds over which what they say is smoothed.
    """

    usual: Row
    activation: Row
    activation_bias: float
    feelings: Row
    feelings_bias: Row
    smoothed: float = SMOOTHED

    def judge(self, statistics: Row, calm: Row, weight: float = 1.0) -> Row:
        """Mean and spread [576] against a voice's calm → activation 0..1 and five probabilities, [6].

        `weight`: how much was heard, 0..1; the less, the more alike are the five.
        """
        weights, biases = self._all
        # From here on six numbers: of so few numpy makes more work than they are.
        stirred, *scores = ((statistics - calm) @ weights + biases).tolist()
        most = max(scores)
        odds = [math.exp(weight * (score - most)) for score in scores]
        total = sum(odds)
        return np.array([(1 + math.tanh(stirred / 2)) / 2, *(each / total for each in odds)])

    @cached_property
    def _all(self) -> tuple[Row, Row]:
        """Both heads as one: [576, 6], and what is added."""
        return np.column_stack([self.activation, self.feelings]), np.append(self.activation_bias, self.feelings_bias)


@lru_cache
def heads(live: bool = False) -> Heads:
    """The heads of the package: for the inner states of a clip's network, or for those of a live stream's."""
    with np.load(Path(__file__).parent / "models" / ("ear_live.npz" if live else "ear.npz")) as file:
        usual, activation, feelings = (file[name].astype(np.float64) for name in ("usual", "activation", "feelings"))
    smoothed = LIVE_SMOOTHED if live else SMOOTHED
    return Heads(usual, activation[:-1], float(activation[-1]), feelings[:-1], feelings[-1], smoothed)


@dataclass(frozen=True)
class Manner:
    """From which probability on a feeling is named, each by itself, and below which it no longer is.

    `hint`: how strongly joy or anger is drawn at most where neither is named.
    """

    anger: float
    joy: float
    sadness: float
    release: float
    hint: float


MANNERS = {"shy": Manner(0.82, 0.85, 0.92, 0.4, 0.5), "bold": Manner(0.8, 0.78, 0.75, 0.3, 0.75)}
"""Sobbing is most often taken for joy, the worst mistake, and calm for sad: hence gates of their own."""


@dataclass(frozen=True)
class Hearing:
    """A step: activation 0..1, the probabilities of HEARD [5], and the feeling that is sure: "" where none is.

    `lean`: what is hinted at where none is: joy over 0, anger below.
    """

    activation: float
    probabilities: tuple[float, ...]
    named: str = ""
    lean: float = 0.0

    def strengths(self) -> dict[str, float]:
        """What of it a face may show, by name."""
        if self.named:
            return {self.named: self.probabilities[HEARD.index(self.named)]}
        return {"joy" if self.lean > 0 else "anger": abs(self.lean)} if self.lean else {}


CALM = Hearing(0.0, tuple(_AT_REST[1:].tolist()))
"""Nobody speaks."""


class Gate:
    """Names a feeling once it is sure, until it is not or another one is."""

    def __init__(self, manner: Manner) -> None:
        self._gates = {"anger": manner.anger, "joy": manner.joy, "sadness": manner.sadness}
        self._release, self._named = manner.release, ""

    def name(self, probabilities: Sequence[float]) -> str:
        """The feeling that these five name now. Fear and neutral are never named."""
        surest = max(probabilities)
        best = HEARD[probabilities.index(surest)]
        if surest >= self._gates.get(best, math.inf):
            self._named = best
        elif self._named and probabilities[HEARD.index(self._named)] < self._release:
            self._named = ""
        return self._named


class Calm:
    """What is calm for this voice: what was heard as neutral so far, leaning to the usual, forgotten in a minute."""

    def __init__(self, usual: Row) -> None:
        self.mean, self._count = usual.copy(), _LEAN

    def learn(self, statistics: Row) -> None:
        """One more step of calm speech."""
        self._count = min(self._count + 1, _MEMORY)
        self.mean += (statistics - self.mean) / self._count


class Recent:
    """The voiced frames of the last second."""

    def __init__(self) -> None:
        self._frames, self._heard = np.zeros((0, STATES)), 0

    def add(self, states: NDArray[np.float32], voice: NDArray[np.float32]) -> bool:
        """States [n, 288], voice 0..1 [n]; return whether anybody spoke."""
        spoken = states[voice > 0.5]
        self._heard = min(self._heard + len(spoken), _SURE)
        self._frames = np.concatenate([self._frames, spoken])[-_SPAN:]
        return bool(len(spoken))

    @property
    def weight(self) -> float:
        """How much a judgement counts after so little, 0..1."""
        return (self._heard / _SURE) ** 2

    def statistics(self) -> Row | None:
        """Mean and spread [576]; None: not half a second yet."""
        if len(self._frames) < _LEAST:
            return None
        # Sums, not mean(0) and std(0): without what these do before and after.
        count = len(self._frames)
        mean = np.add.reduce(self._frames) / count
        over = self._frames - mean
        return np.concatenate([mean, np.sqrt(np.einsum("ij,ij->j", over, over) / count)])


class Ear:
    """One voice. Whatever the pieces, the same steps with the same numbers come out."""

    def __init__(self, manner: Manner, heads: Heads) -> None:
        self._heads, self._gate, self._calm = heads, Gate(manner), Calm(heads.usual)
        self._hint, self._follow = manner.hint, 1 - math.exp(-0.1 / heads.smoothed)
        self._recent, self._silence = Recent(), _PATIENCE
        self._now = _AT_REST.copy()

    def step(self, states: NDArray[np.float32], voice: NDArray[np.float32]) -> Hearing:
        """The next STEP_FRAMES frames (fewer at the end of a clip): states [n, 288] and voice 0..1 [n]."""
        spoken = self._recent.add(states, voice)
        self._silence = 0 if spoken else self._silence + 1
        judged = self._judge_step(spoken)
        self._now += (judged - self._now) * self._follow
        activation, *probabilities = self._now.tolist()
        lean = self._lean(activation, float(judged[1 + JOY]), float(judged[1 + ANGER]))
        return Hearing(activation, tuple(probabilities), self._gate.name(probabilities), lean)

    def _lean(self, activation: float, joy: float, anger: float) -> float:
        """Between the two by what this step says, as far as the voice is stirred."""
        stirred = min(max((activation - _STIRRED) / (_MUCH - _STIRRED), 0.0), 1.0)
        return self._hint * stirred * (joy - anger) / max(joy + anger, 1e-9)

    def _judge_step(self, spoken: bool) -> Row:
        """What this step says by itself; in a short pause, what was said last."""
        statistics = self._recent.statistics()
        if self._silence >= _PATIENCE or statistics is None:
            return _AT_REST
        judged = self._heads.judge(statistics, self._calm.mean, self._recent.weight)
        # A voice that is always angry must not become calm: only what is heard as neutral teaches.
        if spoken and judged[1:].argmax() == NEUTRAL and judged[0] < 0.5:
            self._calm.learn(statistics)
        return judged
