"""The room: what is due is one batch, everybody gets what they would get alone, and nobody is touched by the others."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotalk.engines.base import EngineSession, Latency
from emotalk.errors import EmoTalkError, EmptyAudio, EngineError, InvalidRequest
from emotalk.face import Frames, Pcm, Style
from emotalk.feelings import EmotionKey
from emotalk.live.conversation import Opening, SoundBlock
from emotalk.live.room import AHEAD_SECONDS, BATCH, LiveRoom
from emotalk.live.sound import WaitingSound
from emotalk.live.speaker import SLICE, Speaker
from emotalk.performance import Performance
from emotalk.pipeline import Pipeline
from emotalk.shaping import Gains
from emotalk.timebase import frame_count
from tests.streaming_tone import StreamingToneEngine
from tests.unit.listening import Kept
from tests.unit.stage import tones

SECOND = 16_000
PIECE = 2 * SLICE
"""Bytes of a slice."""


def pcm16(seconds: float, seed: int) -> bytes:
    return (tones(round(seconds * SECOND), seed) * 32767).astype("<i2").tobytes()


class Breaking(StreamingToneEngine):
    """The session of the seed "broken" raises this."""

    broken: Exception | None

    def __init__(self, broken: Exception | None = None) -> None:
        self.__dict__["broken"] = broken

    def open(self, style: Style, latency: Latency = "clip", seed: str = "") -> EngineSession:
        session = super().open(style, latency, seed)
        if self.broken and seed == "broken":
            session.finish = session.push = self._fail  # type: ignore[assignment, method-assign]
        return session

    def _fail(self, *_: object) -> Frames:
        assert self.broken
        raise self.broken


class Crowd(Breaking):
    """Takes many at once, and remembers how many."""

    batches: list[int]

    def __init__(self, broken: Exception | None = None) -> None:
        super().__init__(broken)
        self.__dict__["batches"] = []

    def push_many(self, sessions: Sequence[EngineSession], sounds: Sequence[Pcm]) -> list[Frames | EmoTalkError]:
        self.batches.append(len(sessions))
        assert len({id(session) for session in sessions}) == len(sessions)
        return [self._pushed(session, sound) for session, sound in zip(sessions, sounds, strict=True)]

    def _pushed(self, session: EngineSession, sound: Pcm) -> Frames | EmoTalkError:
        try:
            return session.push(sound)
        except EmoTalkError as error:
            return error


class Stage:
    """A room whose time is the test's."""

    def __init__(self, engine: Breaking | None = None) -> None:
        self.now, self.engine = 0.0, engine or Crowd()
        self.room = LiveRoom(Pipeline(self.engine), Gains(), 60.0, clock=lambda: self.now)

    def open(self, name: str, as_clip: bool = False, rate: int = SECOND) -> tuple[Speaker, Kept]:
        kept = Kept()
        return self.room.open(Opening(name, Performance(), rate, as_clip=as_clip), kept), kept

    def run(self) -> None:
        while self.room.step():
            pass


def frames_of(kept: Kept) -> Frames:
    return np.concatenate([chunk.frames for chunk in kept.chunks])


def alone(name: str, sound: bytes) -> Frames:
    session = Pipeline(Crowd()).live(Performance(), seed=name)
    pcm = np.frombuffer(sound, "<i2").astype(np.float32) / np.float32(2**15)
    return np.concatenate([chunk.frames for chunk in [*session.push(pcm), *session.finish()]])


@settings(max_examples=20)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4000), st.booleans()), max_size=25))
def test_whatever_the_others_do_each_gets_what_it_would_get_alone(script: list[tuple[int, int, bool]]) -> None:
    stage = Stage()
    names = ["a", "b", "c", "d"]
    voices, at = [pcm16(1.0, seed) for seed in range(4)], [0] * 4
    streams = [stage.open(name) for name in names]
    for who, samples, draws in script:
        piece = voices[who][at[who] : at[who] + 2 * samples]
        at[who] += len(piece)
        streams[who][0].hear(SoundBlock(piece))
        stage.now += samples / SECOND / 4
        if draws:
            stage.room.step()
    for who, (stream, _) in enumerate(streams):
        stream.hear(SoundBlock(voices[who][at[who] :]))
        stream.end()
    stage.run()
    for name, voice, (_, kept) in zip(names, voices, streams, strict=True):
        assert kept.ended
        assert kept.error is None
        assert frames_of(kept).tobytes() == alone(name, voice).tobytes()


def test_who_may_wait_half_a_second_counts_so_and_a_clip_does_not() -> None:
    def counts(latency: float | None, as_clip: bool = False) -> bool:
        return Opening("a", Performance(), SECOND, latency=latency, as_clip=as_clip).is_near

    assert [counts(seconds) for seconds in (None, 0.0, 0.4, 0.5, 5.0)] == [False, False, False, True, True]
    assert not counts(0.5, as_clip=True)


def test_all_that_is_due_is_one_batch_and_no_batch_is_too_large() -> None:
    stage = Stage()
    streams = [stage.open(str(number)) for number in range(BATCH + 3)]
    for stream, _ in streams:
        stream.hear(SoundBlock(bytes(PIECE)))
    stage.run()
    assert isinstance(stage.engine, Crowd)
    assert stage.engine.batches == [BATCH, 3]


def test_a_flood_and_a_clip_wait_behind_whoever_speaks() -> None:
    stage = Stage()
    flood, clip, speaker = (stage.open(name, as_clip=name == "clip")[0] for name in ("flood", "clip", "speaker"))
    flood.hear(SoundBlock(pcm16(20.0, 1)))
    clip.hear(SoundBlock(pcm16(20.0, 2)))
    for _ in range(10):
        stage.room.step()
    before = flood.drawn
    stage.now = 0.1
    speaker.hear(SoundBlock(pcm16(0.1, 3)))
    stage.room.step()
    assert speaker.drawn == SLICE
    assert flood.drawn - before <= SLICE


def test_a_flood_still_gets_its_own_pace_where_others_are_always_due() -> None:
    stage = Stage()
    flood, _ = stage.open("flood")
    flood.hear(SoundBlock(pcm16(10.0, 1)))
    speaker, _ = stage.open("speaker")
    for step in range(50):
        stage.now = step / 10
        speaker.hear(SoundBlock(pcm16(0.1, 2)))
        stage.room.step()
    assert flood.drawn / SECOND >= stage.now - AHEAD_SECONDS
    assert speaker.drawn == 50 * SLICE


def test_of_clips_whoever_has_had_least_is_next() -> None:
    stage = Stage()
    clips = [stage.open(name, as_clip=True)[0] for name in "abc"]
    for clip in clips:
        clip.hear(SoundBlock(pcm16(12.0, 1)))
    for _ in range(12):
        stage.room.step()
    drawn = [clip.drawn for clip in clips]
    assert max(drawn) - min(drawn) <= 2 * SECOND


def test_nothing_is_drawn_for_who_reads_nothing_and_the_others_go_on() -> None:
    stage = Stage()
    (silent, unread), (speaker, heard) = stage.open("silent"), stage.open("speaker")
    unread.is_blocked = True
    for stream in (silent, speaker):
        stream.hear(SoundBlock(pcm16(1.0, 1)))
        stream.end()
    stage.run()
    assert (silent.drawn, heard.ended, unread.ended) == (0, True, False)
    unread.is_blocked = False
    stage.run()
    assert frames_of(unread).tobytes() == alone("silent", pcm16(1.0, 1)).tobytes()


@pytest.mark.parametrize(
    "engine", [Crowd(EngineError("the engine broke")), Breaking(ZeroDivisionError("a defect"))], ids=["many", "single"]
)
def test_a_stream_that_fails_ends_alone_and_never_with_a_frame(engine: Breaking) -> None:
    stage = Stage(engine)
    (broken, heard_nothing), (speaker, heard) = stage.open("broken"), stage.open("speaker")
    for stream in (broken, speaker):
        stream.hear(SoundBlock(pcm16(1.0, 1)))
        stream.end()
    stage.run()
    assert isinstance(heard_nothing.error, EngineError)
    assert heard_nothing.chunks == []
    assert frames_of(heard).tobytes() == alone("speaker", pcm16(1.0, 1)).tobytes()


def test_sound_that_cannot_be_used_ends_its_stream_alone() -> None:
    stage = Stage()
    (odd, refused), (empty, nothing), (speaker, heard) = (stage.open(name) for name in ("odd", "empty", "speaker"))
    odd.hear(SoundBlock(b"abc"))
    speaker.hear(SoundBlock(pcm16(1.0, 1)))
    for stream in (odd, empty, speaker):
        stream.end()
    stage.run()
    assert isinstance(refused.error, InvalidRequest)
    assert isinstance(nothing.error, EmptyAudio)
    assert len(frames_of(heard)) == frame_count(SECOND)


def test_the_latest_is_as_late_as_its_oldest_sound() -> None:
    stage = Stage()
    stream, _ = stage.open("speaker")
    assert stage.room.latest() == 0
    stage.now = 1.0
    stream.hear(SoundBlock(pcm16(0.1, 1)))
    stage.now = 1.25
    assert stage.room.latest() == pytest.approx(0.25)
    stage.run()
    assert stage.room.latest() == 0


def test_who_has_left_leaves_nothing_behind() -> None:
    stage = Stage()
    for number in range(300):
        stream, _ = stage.open(str(number))
        stream.hear(SoundBlock(pcm16(0.1, 1)))
        stage.room.step()
        stage.room.leave(stream)
    assert stage.room.streams == set()
    assert not stage.room.step()


@settings(max_examples=20)
@given(st.lists(st.integers(1, 60_000), min_size=1, max_size=4), st.integers(500, 40_000))
def test_how_much_is_taken_at_once_changes_no_sample(blocks: list[int], most: int) -> None:
    def taken(most: int) -> bytes:
        sound = WaitingSound(Opening("a", Performance(), 44_100), 60.0, lambda keys: None)
        at = 0
        for size in blocks:
            sound.add(SoundBlock(voice[2 * at : 2 * (at + size)]))
            at += size
        sound.end()
        pieces = []
        while not sound.is_over:
            pieces.append(sound.take(most))
        return b"".join(piece.tobytes() for piece in pieces)

    voice = pcm16(sum(blocks) / SECOND + 1, 1)
    assert taken(most) == taken(SLICE)


def test_little_blocks_are_taken_together_and_each_feeling_between_the_samples_where_it_came() -> None:
    key = (EmotionKey(0.0, {"joy": 1.0}),)
    felt: list[int] = []
    taken: list[Pcm] = []
    waiting = WaitingSound(Opening("one", Performance(), 16_000), 60.0, lambda _: felt.append(sum(map(len, taken))))
    sent = np.arange(1_000, dtype="<i2")
    for number, sample in enumerate(sent):
        waiting.add(SoundBlock(sample.tobytes(), key if number in (300, 301) else None))
    while waiting.is_waiting:
        taken.append(waiting.take(400))
    assert [len(each) for each in taken] == [300, 1, 400, 299]
    assert felt == [300, 301]
    assert np.array_equal(np.concatenate(taken), sent / np.float32(2**15))
