"""A live microphone through a whole server: the engine in a process of its own, which may die."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any, Literal

import numpy as np
import pytest

from emotalk.client import Chunk, EmoTalkClient, Live
from emotalk.errors import DeadlineExceeded, InvalidRequest, QueueFull, ServerUnavailable
from emotalk.live.pool import LivePool
from emotalk.timebase import frame_count
from tests.integration.served import Inside, children, eventually, speech

SOUND = speech(2.0)[44:]
LIVE = Live(16_000, request_id="speaker")


def tone_relay(places: int | Literal["auto"] = 2, idle_seconds: float = 30.0, **options: Any) -> LivePool:
    return LivePool({**os.environ, "EMOTALK_ENGINE": "tone"}, places, idle_seconds, **options)


@pytest.fixture(scope="module")
def served() -> Iterator[Inside]:
    with Inside(relay=tone_relay()) as inside:
        yield inside


def engines() -> list[int]:
    """The live engines that this process has started."""
    return children(os.getpid(), "live")


def test_who_speaks_gets_frames_and_the_engine_is_started_only_then(served: Inside) -> None:
    assert engines() == []
    with EmoTalkClient("127.0.0.1", served.server.port) as client:
        chunks = list(client.live(LIVE, [SOUND[i : i + 3200] for i in range(0, len(SOUND), 3200)]))
    assert sum(len(chunk.frames) for chunk in chunks) == 60
    assert chunks[-1].is_final
    assert {chunk.request_id for chunk in chunks} == {"speaker"}
    assert len(engines()) == 1


def test_more_than_four_mebibytes_may_come_in_one_message(served: Inside) -> None:
    sound = np.zeros(5 * 2**20 // 2, "<i2").tobytes()
    with EmoTalkClient("127.0.0.1", served.server.port) as client:
        chunks = list(client.live(LIVE, [sound]))
    assert sum(len(chunk.frames) for chunk in chunks) == frame_count(len(sound) // 2)


def test_a_wrong_setting_is_refused_with_its_field_through_the_relay_too(served: Inside) -> None:
    with (
        EmoTalkClient("127.0.0.1", served.server.port) as client,
        pytest.raises(InvalidRequest, match=r"0\.\.23") as refused,
    ):
        list(client.live(Live(16_000, person_id=99), [SOUND]))
    assert refused.value.field == "person_id"


def _listen(chunks: Iterator[Chunk], heard: list[Chunk]) -> None:
    for chunk in chunks:
        heard.append(chunk)  # at once: the speaker waits for it


def test_an_engine_that_dies_is_said_and_the_next_speaker_gets_a_new_one(served: Inside) -> None:
    with EmoTalkClient("127.0.0.1", served.server.port) as client:
        heard: list[Chunk] = []

        def speaker() -> Iterator[bytes]:
            yield SOUND
            eventually(lambda: heard)
            os.kill(engines()[0], signal.SIGKILL)
            eventually(lambda: not engines())

        with pytest.raises(ServerUnavailable, match="open a new stream"):
            _listen(client.live(LIVE, speaker()), heard)
        assert sum(len(chunk.frames) for chunk in client.live(LIVE, [SOUND])) == 60


def test_an_engine_that_dies_takes_nobody_along_but_its_own_speakers() -> None:
    relay = tone_relay(places=4, processes=2)
    with Inside(relay=relay) as inside, EmoTalkClient("127.0.0.1", inside.server.port) as client:
        killed, heard, others = Event(), list[Chunk](), list[Chunk]()

        def first() -> Iterator[bytes]:
            yield SOUND
            eventually(lambda: heard and others)
            own, other = relay._engines._engines
            assert (own.streams, other.streams) == (2, 1)
            os.kill(own.keeper._child.pid, signal.SIGKILL)
            killed.wait(30)

        def beside() -> Iterator[bytes]:
            yield SOUND
            killed.wait(30)
            yield SOUND

        died = client.live(LIVE, first()), client.live(Live(16_000), beside())
        for speaker in died:
            heard.append(next(speaker))
        lives = client.live(Live(16_000), beside())
        others.append(next(lives))
        for speaker in died:
            with pytest.raises(ServerUnavailable, match="open a new stream"):
                list(speaker)
        killed.set()
        assert sum(len(chunk.frames) for chunk in [*others, *lives]) == 120


def test_engines_that_are_started_ahead_are_there_before_anybody_speaks_and_again_after_a_death() -> None:
    relay = tone_relay(places=4, processes=2, ahead=True)
    keepers = [each.keeper for each in relay._engines._engines]
    with Inside(relay=relay):
        eventually(lambda: all(keeper.warm() for keeper in keepers))
        born = keepers[0]._child.pid
        os.kill(born, signal.SIGKILL)
        eventually(lambda: keepers[0].warm() and keepers[0]._child.pid != born)


def test_what_the_machine_holds_is_measured_and_the_engine_ends_again_until_somebody_speaks() -> None:
    before, relay = set(engines()), tone_relay(places="auto")
    with Inside(relay=relay) as inside, EmoTalkClient("127.0.0.1", inside.server.port) as client:
        eventually(lambda: relay._places)
        assert set(engines()) == before
        assert sum(len(chunk.frames) for chunk in client.live(LIVE, [SOUND])) == 60


def test_hundreds_that_come_and_go_leave_nothing_behind() -> None:
    relay = tone_relay(places=8)
    with Inside(relay=relay) as inside, EmoTalkClient("127.0.0.1", inside.server.port) as client:
        list(client.live(LIVE, [SOUND]))
        held = _held(relay)
        for number in range(300):
            chunks = client.live(Live(16_000), [SOUND[: 2 * number]])
            if number % 3:
                list(chunks)
            else:
                chunks.close()  # hangs up
        eventually(lambda: _held(relay) <= held)


def _held(relay: LivePool) -> int:
    """Descriptors of the engine's process and of this one."""
    pid = relay._engines._engines[0].keeper._child.pid
    return sum(len(list(Path(f"/proc/{each}/fd").iterdir())) for each in (pid, os.getpid()))


def test_whoever_falls_silent_gives_the_place_back() -> None:
    silent = Event()

    def speaker() -> Iterator[bytes]:
        yield SOUND
        silent.wait(30)

    relay = tone_relay(places=1, idle_seconds=0.5)
    with Inside(relay=relay) as inside, EmoTalkClient("127.0.0.1", inside.server.port) as client:
        chunks = client.live(LIVE, speaker())
        assert len(next(chunks).frames) > 0
        with pytest.raises(QueueFull, match="live places"):
            list(client.live(LIVE, [SOUND]))
        with pytest.raises(DeadlineExceeded, match="no sound came"):
            list(chunks)
        silent.set()
        assert sum(len(chunk.frames) for chunk in client.live(LIVE, [SOUND])) == 60


def test_the_engine_ends_with_its_server() -> None:
    before = set(engines())
    with Inside(relay=tone_relay()) as inside, EmoTalkClient("127.0.0.1", inside.server.port) as client:
        list(client.live(LIVE, [SOUND]))
        [pid] = set(engines()) - before
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
