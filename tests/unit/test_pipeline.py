"""Sound in, chunks out: the same bytes whatever the pushes, every frame once, and nothing invented."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotalk.chunking import Chunking
from emotalk.engines.base import Engine, EngineCard, Latency, WindowEngine
from emotalk.engines.tone import ToneEngine
from emotalk.errors import EngineError, InvalidRequest
from emotalk.face import Frames, Pcm, Style
from emotalk.performance import Performance
from emotalk.pipeline import FaceChunk, Pipeline, Take
from emotalk.shaping import Gains
from emotalk.timebase import frame_count
from tests.streaming_tone import StreamingToneEngine, ToneSession
from tests.unit.stage import IN_SECONDS, Scripted, tones

ENGINES: list[Engine | WindowEngine] = [ToneEngine(), StreamingToneEngine()]
BOTH = pytest.mark.parametrize("engine", ENGINES, ids=["windows", "streaming"])
SOUND = tones(16_000 * 12)
GAINS = Gains({"jawOpen": 1.5})
CHUNKINGS = st.integers(10, 40).flatmap(lambda n: st.builds(Chunking, st.just(n), st.integers(0, (n - 1) // 2)))


def performed(
    engine: Engine | WindowEngine, performance: Performance, pushes: Sequence[Pcm], seed: str = ""
) -> list[FaceChunk]:
    session = Pipeline(engine).open(performance, GAINS, seed)
    return [chunk for push in pushes for chunk in session.push(push)] + session.finish()


def frames_of(chunks: list[FaceChunk]) -> Frames:
    return np.concatenate([chunk.frames for chunk in chunks])


def check_bookkeeping(chunks: list[FaceChunk], chunking: Chunking, samples: int) -> None:
    """Numbered from 0, each one begins where the last one ended, none is empty, and the count is exact."""
    lengths = [len(chunk.frames) for chunk in chunks]
    assert [chunk.index for chunk in chunks] == list(range(chunking.chunks(samples)))
    assert [chunk.first_frame for chunk in chunks] == [sum(lengths[:i]) for i in range(len(lengths))]
    assert min(lengths) > 0
    assert sum(lengths) == frame_count(samples)


@BOTH
@given(
    chunking=CHUNKINGS,
    samples=st.integers(1, len(SOUND)),
    cuts=st.lists(st.integers(0, len(SOUND)), max_size=12),
    shaped=st.booleans(),
)
@settings(max_examples=150)
@pytest.mark.long
def test_any_cutting_of_the_audio_gives_the_same_chunks_to_the_byte(
    engine: Engine | WindowEngine, chunking: Chunking, samples: int, cuts: list[int], shaped: bool
) -> None:
    performance = Performance(1, 3, shaped, chunking.duration, chunking.overlap)
    whole = performed(engine, performance, [SOUND[:samples]], "seed")
    cut = performed(engine, performance, np.split(SOUND[:samples], sorted(cuts)), "seed")
    check_bookkeeping(whole, chunking, samples)
    assert [(c.index, c.first_frame, c.frames.tobytes()) for c in cut] == [
        (c.index, c.first_frame, c.frames.tobytes()) for c in whole
    ]


@given(chunking=CHUNKINGS, samples=st.integers(1, len(SOUND)), shaped=st.booleans())
@pytest.mark.long
def test_both_kinds_of_engine_cut_their_answers_at_the_same_frames(
    chunking: Chunking, samples: int, shaped: bool
) -> None:
    performance = Performance(1, 0, shaped, chunking.duration, chunking.overlap)
    windows, streaming = (performed(engine, performance, [SOUND[:samples]]) for engine in ENGINES)
    assert [len(c.frames) for c in windows] == [len(c.frames) for c in streaming]


@BOTH
@pytest.mark.parametrize(("shaped", "last"), [(False, 734), (True, 732)], ids=["raw", "shaped"])
def test_the_first_of_25_seconds_with_half_a_second_of_overlap_ends_where_the_design_says(
    engine: Engine | WindowEngine, shaped: bool, last: int
) -> None:
    first = performed(engine, Performance(post_processing=shaped), [tones(16_000 * 60)])[0]
    assert (first.index, first.first_frame, len(first.frames)) == (0, 0, last + 1)


def test_a_chunk_leaves_as_soon_as_the_first_sample_beyond_its_window_has_come() -> None:
    session = Pipeline(ToneEngine()).open(Performance())
    sound = tones(16_000 * 25 + 1)
    assert session.push(sound[:-1]) == []
    assert [chunk.index for chunk in session.push(sound[-1:])] == [0]


@BOTH
@pytest.mark.parametrize("samples", [1, 2, 533, 534, 1599, 1600, 1601, 3200, 16_000])
def test_the_shortest_clips_are_one_chunk_with_all_their_frames(engine: Engine | WindowEngine, samples: int) -> None:
    (only,) = performed(engine, Performance(), [tones(samples)])
    assert len(only.frames) == frame_count(samples)


@BOTH
@pytest.mark.parametrize("hours", [1])
@pytest.mark.long
def test_hours_of_sound_have_exactly_their_frames(engine: Engine | WindowEngine, hours: int) -> None:
    minute, samples = tones(16_000 * 60), hours * 3600 * 16_000 + 1
    pushes = [minute] * (hours * 60) + [minute[:1]]
    check_bookkeeping(performed(engine, Performance(), pushes), Chunking(), samples)


def test_a_clip_without_samples_has_no_chunks() -> None:
    assert performed(ToneEngine(), Performance(), [np.zeros(0, np.float32)]) == []


@BOTH
@pytest.mark.parametrize("wrong", [np.zeros(160, np.int16), np.zeros((160, 1), np.float32)])
def test_integers_and_channels_are_not_taken_for_sound(engine: Engine | WindowEngine, wrong: Pcm) -> None:
    with pytest.raises(InvalidRequest, match=r"pcm: .* is not float32 \[n\]"):
        Pipeline(engine).open(Performance()).push(wrong)


def test_without_post_processing_the_engine_s_frames_are_handed_on_untouched() -> None:
    raw = frames_of(performed(ToneEngine(), Performance(post_processing=False), [SOUND]))
    assert raw.tobytes() == ToneEngine().animate(SOUND, Style()).tobytes()


def test_the_seed_decides_the_blinks_and_nothing_else() -> None:
    one, same, other = (
        frames_of(performed(ToneEngine(), Performance(), [SOUND], seed)) for seed in ("one", "one", "other")
    )
    assert one.tobytes() == same.tobytes()
    differing = np.flatnonzero((one != other).any(axis=0))
    assert {int(i) for i in differing} <= {8, 9}
    assert len(differing)


class Wrong(Scripted):
    """An engine whose frames are changed before they are handed over."""

    def __init__(self, change: object) -> None:
        super().__init__()
        self.change = change

    def animate(self, window: Pcm, style: Style) -> Frames:
        return self.change(super().animate(window, style).copy())  # type: ignore[no-any-return, operator]


def poisoned(value: float) -> object:
    def change(frames: Frames) -> Frames:
        frames[-1, 24] = value
        return frames

    return change


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # the cross-fade of an infinity
@pytest.mark.parametrize("shaped", [False, True], ids=["raw", "shaped"])
@pytest.mark.parametrize(
    "change",
    [
        poisoned(math.nan),
        poisoned(math.inf),
        poisoned(-math.inf),
        lambda frames: frames[:-1],
        lambda frames: np.concatenate([frames, frames[:1]]),
        lambda frames: frames[:, :51],
        lambda frames: frames[:0],
        lambda frames: frames.ravel(),
    ],
    ids=["NaN", "infinite", "minus infinite", "a frame less", "a frame more", "51 values", "none", "flat"],
)
def test_what_an_engine_gets_wrong_is_an_error_and_never_a_frame(change: object, shaped: bool) -> None:
    with pytest.raises(EngineError):
        performed(Wrong(change), replace(IN_SECONDS, post_processing=shaped), [SOUND[:50_000]])


class Sloppy:
    """A streaming engine that changes what it hands over at its end."""

    card = EngineCard("sloppy", licence="MIT", fingerprint="sloppy")

    def __init__(self, change: object) -> None:
        self.change = change

    def open(self, style: Style, latency: Latency = "clip", seed: str = "") -> "Sloppy":
        self.session = StreamingToneEngine().open(style)
        return self

    def push(self, pcm: Pcm) -> Frames:
        return self.session.push(pcm)

    def finish(self) -> Frames:
        return self.change(self.session.finish())  # type: ignore[no-any-return, operator]


@pytest.mark.parametrize("shaped", [False, True], ids=["raw", "shaped"])
@pytest.mark.parametrize(
    "change",
    [
        poisoned(math.nan),
        poisoned(math.inf),
        lambda frames: frames[:-1],
        lambda frames: np.concatenate([frames, frames[:1]]),
        lambda frames: frames[:, :51],
    ],
    ids=["NaN", "infinite", "a frame less", "a frame more", "51 values"],
)
def test_what_a_streaming_engine_gets_wrong_is_an_error_too(change: object, shaped: bool) -> None:
    with pytest.raises(EngineError):
        performed(Sloppy(change), replace(IN_SECONDS, post_processing=shaped), [SOUND[:50_001]])


@dataclass(frozen=True)
class Asked(StreamingToneEngine):
    """Remembers for how long each session may wait."""

    latencies: list[Latency] = field(default_factory=list)

    def open(self, style: Style, latency: Latency = "clip", seed: str = "") -> ToneSession:
        self.latencies.append(latency)
        return super().open(style, latency, seed)


@pytest.mark.parametrize(
    ("seconds", "latency"), [(None, "live"), (0.0, "live"), (0.49, "live"), (0.5, "near"), (5.0, "near")]
)
def test_a_live_stream_has_the_look_ahead_that_it_may_wait_for(seconds: float | None, latency: Latency) -> None:
    engine = Asked()
    Pipeline(engine).live(Performance(), seconds)
    Pipeline(engine).open(Performance())
    assert engine.latencies == [latency, "clip"]


@pytest.mark.parametrize("verb", ["open", "live"])
@pytest.mark.parametrize(
    ("asked", "field"),
    [({"emotion_strength": 9.0}, "emotion_strength"), ({"chunk_duration": 5000.0}, "chunk_duration")],
)
def test_a_performance_that_cannot_be_is_refused_by_its_field_at_this_door_too(
    verb: str, asked: dict[str, float], field: str
) -> None:
    with pytest.raises(InvalidRequest, match=f"^{field}: "):
        getattr(Pipeline(ToneEngine()), verb)(Performance(**cast(Any, asked)))


def test_what_was_called_a_take_is_performed_as_it_was() -> None:
    take = Take(Style(0, 3), Chunking(10, 2), GAINS, True, "seed")
    now = performed(ToneEngine(), Performance(0, 3, True, 1.0, 0.2), [SOUND], "seed")
    for session, then in ((Pipeline(ToneEngine()).open(take), now), (Pipeline(ToneEngine()).live(take, 0.5), None)):
        heard = session.push(SOUND) + session.finish()
        assert sum(len(chunk.frames) for chunk in heard) == frame_count(len(SOUND))
        assert then is None or frames_of(heard).tobytes() == frames_of(then).tobytes()


def test_sessions_of_one_engine_do_not_hear_each_other() -> None:
    other = tones(60_000, seed=5)
    expected = [frames_of(performed(ToneEngine(), IN_SECONDS, [sound])) for sound in (SOUND[:60_000], other)]
    pipeline = Pipeline(ToneEngine())
    sessions = pipeline.open(IN_SECONDS, GAINS), pipeline.open(IN_SECONDS, GAINS)
    heard: tuple[list[FaceChunk], list[FaceChunk]] = ([], [])
    for start in range(0, 60_000, 7000):
        for session, sound, chunks in zip(sessions, (SOUND, other), heard, strict=True):
            chunks += session.push(sound[start : min(start + 7000, 60_000)])
    for session, chunks, frames in zip(sessions, heard, expected, strict=True):
        assert frames_of(chunks + session.finish()).tobytes() == frames.tobytes()
