"""What the network is asked about a window follows from its samples and their number."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emotalk.engines.emotalk.weights import KERNELS, STRIDES
from emotalk.engines.emotalk.window import SHORTEST, WindowInputs, feature_count, prepare, span_of
from emotalk.face import Style
from emotalk.timebase import frame_count

lengths = st.integers(1, 60_000)


def window(samples: int) -> WindowInputs:
    return prepare(np.random.default_rng(samples).uniform(-1, 1, samples).astype(np.float32), Style(0, 23))


@given(lengths)
def test_content_and_emotion_both_end_up_with_one_row_a_frame(samples: int) -> None:
    asked = window(samples)
    frames = frame_count(samples)
    assert asked.content_positions.shape == asked.frame_positions.shape == (frames,)
    assert asked.distance.shape == (1, 1, frames, frames)


@given(lengths)
def test_each_resampling_starts_at_the_first_row_and_ends_at_the_last(samples: int) -> None:
    asked = window(samples)
    for positions, rows in (
        (asked.content_positions, features(max(samples, 400))),
        (asked.emotion_positions, features(max(samples, 400))),
        (asked.frame_positions, asked.emotion_positions.size),
    ):
        last = rows - 1 if positions.size > 1 else 0
        assert positions[0] == 0
        assert math.isclose(positions[-1], last, rel_tol=1e-6)
        assert (np.diff(positions) >= 0).all()


def features(samples: int) -> int:
    """Rows after the seven convolutions, by counting the windows that fit."""
    for kernel, stride in ((10, 5), (3, 2), (3, 2), (3, 2), (3, 2), (2, 2), (2, 2)):
        samples = len(range(0, samples - kernel + 1, stride))
    return samples


@given(st.integers(400, 60_000))
def test_samples_are_normalised_over_the_window(samples: int) -> None:
    normal = window(samples).samples
    assert normal.dtype == np.float32
    assert abs(normal.mean()) < 1e-4
    assert math.isclose(normal.var(), 1, rel_tol=1e-3)


@given(st.integers(1, 399))
def test_a_window_too_short_for_the_convolutions_is_padded_behind_its_end(samples: int) -> None:
    normal = window(samples).samples
    assert normal.size == 400
    assert not normal[samples:].any()


def test_silence_stays_silence() -> None:
    assert not prepare(np.zeros(1600, np.float32), Style()).samples.any()


@given(st.integers(1, 60_000))
def test_a_frame_sees_the_past_in_steps_of_a_second_and_no_future(samples: int) -> None:
    distance = window(samples).distance[0, 0]
    frames = np.arange(len(distance))
    back = frames[:, None] - frames[None]
    assert np.array_equal(distance, np.where(back < 0, -np.inf, -(back // 30)).astype(np.float32))


def test_the_style_goes_along() -> None:
    asked = window(16_000)
    assert (asked.level.tolist(), asked.person.tolist()) == ([0], [23])


@given(st.integers(SHORTEST, 2_000_000))
def test_rows_are_counted_as_the_seven_convolutions_would_leave_them(samples: int) -> None:
    left = samples
    for kernel, stride in zip(KERNELS, STRIDES, strict=True):
        left = (left - kernel) // stride + 1
    assert feature_count(samples) == left


@given(st.integers(SHORTEST, 100_000), st.data())
def test_a_span_of_rows_makes_exactly_these_rows_and_stays_inside(samples: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, feature_count(samples) - 1))
    rows = data.draw(st.integers(1, feature_count(samples) - first))
    span = span_of(first, rows)
    assert 0 <= span.start < span.stop <= samples
    assert feature_count(span.stop - span.start) == rows
