"""What a speaker costs on this machine: measured, not guessed.

A few streams are drawn for a moment, alone and together, and what that costs the processor is counted: processor time,
so that a busy machine is not taken for a slow one.
"""

import time
from collections.abc import Callable

import numpy as np

from emotalk.chunking import NEAR_LATENCY
from emotalk.engines.base import ManyStreams
from emotalk.live.cost import Cost
from emotalk.performance import Performance
from emotalk.pipeline import Pipeline
from emotalk.probe import probe
from emotalk.timebase import STEP_SAMPLES, STEPS_PER_SECOND

_TOGETHER = (1, 4, 16)
_SECONDS, _WARM = 0.4, 6
_LEAST = 1e-3
"""An engine that costs nothing has a thousand times as many places as cores, and not endlessly many."""


def measure_cost(pipeline: Pipeline, clock: Callable[[], float] = time.process_time) -> Cost:
    """Draw a sound that all machines have, for half a second of the processor or a few steps of each size."""
    costs, until = dict[int, float](), clock() + _SECONDS
    if not isinstance(pipeline.engine, ManyStreams):
        return Cost({1: max(_time_steps(pipeline, 1, clock, until), _LEAST)})
    for size in _TOGETHER:
        costs[size] = max(_time_steps(pipeline, size, clock, until), _LEAST)
        if clock() > until:
            break
    return Cost(costs, _time_steps(pipeline, 1, clock, until, NEAR_LATENCY))


def _time_steps(
    pipeline: Pipeline, size: int, clock: Callable[[], float], until: float, latency: float | None = None
) -> float:
    """For a second of one of so many streams; the first steps wait for their look-ahead and cost nothing."""
    sessions = [pipeline.live(Performance(), latency, seed=str(number)) for number in range(size)]
    sound, began = np.tile(probe(), 2), 0.0
    for number, start in enumerate(range(0, len(sound), STEP_SAMPLES)):
        if number == _WARM:
            began = clock()
        if number > _WARM + STEPS_PER_SECOND and clock() > until:
            break
        pipeline.push_many(sessions, [sound[start : start + STEP_SAMPLES]] * size)
    return (clock() - began) / size * STEPS_PER_SECOND / (number - _WARM)
