"""Decoding in child processes: the same sound, the same refusals; and whatever becomes of a child, a named error."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from emotalk.audio import AS_IT_IS, Limits, Sent, prepare
from emotalk.audio.apart import Decoders, Fence
from emotalk.audio.apart.frames import READY, SOUND
from emotalk.audio.apart.process import Decoder
from emotalk.errors import AudioError, AudioTooLong, EngineError, InvalidRequest, UndecodableAudio
from tests.unit.audio_files import speech, valid_files, written
from tests.unit.strangers import MEDIA, PLAIN, recorded, subtitled

LIMITS = Limits(max_seconds=60)
FILES = valid_files()
WAV = FILES["wav"]
PATIENCE = 30.0
RAW = ("pcm8", "pcm16le", "pcm16be", "pcm24le", "pcm32le", "float32le", "float64le", "mulaw", "alaw")
linux = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks into /proc")


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    with Decoders(LIMITS) as pool:
        yield pool


def outcome_of(decode: Callable[[bytes, Limits, Sent], object], clip: bytes, sent: Sent = AS_IT_IS) -> object:
    try:
        return decode(clip, LIMITS, sent)
    except AudioError as error:
        return type(error), str(error), error.field


@pytest.mark.parametrize("kind", sorted(FILES))
def test_a_clip_decoded_apart_is_the_same_to_the_last_bit(decoders: Decoders, kind: str) -> None:
    assert decoders.prepare(FILES[kind], LIMITS) == prepare(FILES[kind], LIMITS)


@pytest.mark.parametrize("kind", sorted(FILES))
@pytest.mark.parametrize("harm", [lambda f: f[: len(f) // 2], lambda f: f[:20], lambda f: f"{len(f)}".encode()])
def test_a_refusal_from_apart_is_the_same_in_class_and_words(
    decoders: Decoders, kind: str, harm: Callable[[bytes], bytes]
) -> None:
    assert outcome_of(decoders.prepare, harm(FILES[kind])) == outcome_of(prepare, harm(FILES[kind]))


def test_a_clip_beyond_the_limits_does_not_reach_a_child() -> None:
    with Decoders(LIMITS, children=0) as pool, pytest.raises(AudioTooLong, match="64"):
        pool.prepare(bytes(LIMITS.max_bytes + 1), LIMITS)


def test_many_threads_share_the_children(decoders: Decoders) -> None:
    clips = [written(speech(0.2, seed=seed)) for seed in range(16)]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda clip: decoders.prepare(clip, LIMITS), clips))
    assert answers == [prepare(clip, LIMITS) for clip in clips]


def test_a_film_with_subtitles_is_heard_though_the_child_can_open_no_file(decoders: Decoders) -> None:
    film = subtitled()
    assert decoders.prepare(film, LIMITS) == prepare(film, LIMITS)


@pytest.mark.parametrize("name", [*MEDIA, *PLAIN])
def test_a_child_that_can_open_no_file_hears_every_kind(decoders: Decoders, name: str) -> None:
    file = recorded(name) if name in MEDIA else written(speech(0.5, 48_000), 48_000, *PLAIN[name])
    assert decoders.prepare(file, LIMITS) == prepare(file, LIMITS)


@pytest.mark.parametrize("kind", RAW)
def test_a_child_that_can_open_no_file_judges_raw_samples(decoders: Decoders, kind: str) -> None:
    sent = Sent(f"{kind}:16000")
    for sound in (speech(2.0), np.random.default_rng(0).standard_normal(32_000)):
        samples = np.rint(9_000 * sound).astype("<i2").tobytes()
        assert outcome_of(decoders.prepare, samples, sent) == outcome_of(prepare, samples, sent)


# --- what may become of a child

SAYS_READY = f"import os,sys,signal,time,struct;say=lambda *w:os.write(1,struct.pack('<BQQH',*w,0));say({READY},0,0);"
HEARS = "os.read(0,73);"


def scripted(script: str, **fence: float) -> Decoders:
    limits = {"memory": 2**30, "cpu_seconds": 60.0, "wall_seconds": 60.0, **fence}
    return Decoders(LIMITS, Fence(**limits), 1, ("-c", SAYS_READY + script))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (f"{HEARS}os.kill(os.getpid(),signal.SIGSEGV)", "it broke its decoder (SIGSEGV)"),
        (f"{HEARS}os.abort()", "it broke its decoder (SIGABRT)"),
        (f"{HEARS}os._exit(3)", "it broke its decoder (exit code 3)"),
        (f"{HEARS}os.kill(os.getpid(),signal.SIGXCPU)", "more than 60 s of a processor"),
        (f"{HEARS}os.kill(os.getpid(),signal.SIGKILL)", "its decoder was killed; it was tried twice"),
        (f"{HEARS}say({SOUND},5,4);os.write(1,b'fLaC');time.sleep(99)", "whose answer makes no sense"),
        (f"{HEARS}say({SOUND},5,1<<60);time.sleep(99)", "whose answer makes no sense"),
        (f"{HEARS}say(77,0,0);time.sleep(99)", "whose answer makes no sense"),
        (f"{HEARS}say(2,0,12);os.write(1,b'SystemExit\\0\\0');time.sleep(99)", "whose answer makes no sense"),
    ],
    ids=["segfault", "abort", "exit", "processor", "killed", "no FLAC", "endless", "no kind", "no refusal of ours"],
)
def test_a_child_that_dies_or_raves_is_a_named_refusal_of_that_clip(script: str, says: str) -> None:
    with scripted(script) as pool:
        with pytest.raises(UndecodableAudio) as caught:
            pool.prepare(WAV, LIMITS)
        assert isinstance(caught.value, InvalidRequest)
        assert says in str(caught.value)
        assert "audio_data" in str(caught.value)
        assert "ffmpeg" in str(caught.value)


BREAKS_AT_ITS_SECOND = (
    "import os, sys; from emotalk.audio.apart import child; told = []; answer = child._answer\n"
    "child._answer = lambda *clip: os._exit(3) if told else (told.append(1), answer(*clip))\n"
    "child.main(*sys.argv[1:])"
)


def test_a_child_that_an_earlier_clip_broke_costs_nobody_a_clip(caplog: pytest.LogCaptureFixture) -> None:
    with Decoders(LIMITS, children=1, program=("-c", BREAKS_AT_ITS_SECOND)) as pool:
        assert [pool.prepare(WAV, LIMITS) for _ in range(4)] == [prepare(WAV, LIMITS)] * 4
    assert "it broke its decoder (exit code 3)" in [vars(record).get("error") for record in caplog.records]


RAISES = (
    "import sys; from emotalk.audio.apart import child; child.prepare = lambda *_: [][1]\n"
    "child._warm_up = lambda: None; child.main(*sys.argv[1:])"
)


def test_a_defect_of_ours_in_a_child_is_told_by_the_name_of_its_exception() -> None:
    with (
        Decoders(LIMITS, children=1, program=("-c", RAISES)) as pool,
        pytest.raises(UndecodableAudio, match=r"broke its decoder \(IndexError\); it was tried twice"),
    ):
        pool.prepare(WAV, LIMITS)


def test_a_child_that_has_decoded_enough_is_replaced_between_clips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emotalk.audio.apart.process.CLIPS", 2)
    with Decoders(LIMITS, children=1) as pool:
        seen = []
        for _ in range(4):
            seen.append(pool._idle[0].pid)
            assert pool.prepare(WAV, LIMITS) == prepare(WAV, LIMITS)
    assert seen[0] == seen[1] != seen[2] == seen[3]


def test_a_child_that_hangs_is_killed_when_its_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emotalk.audio.apart.pool.TICK_SECONDS", 0.02)
    with (
        scripted("time.sleep(99)", wall_seconds=0.1) as pool,
        pytest.raises(UndecodableAudio, match=r"longer than 0\.1 s"),
    ):
        pool.prepare(WAV, LIMITS)


def test_a_child_that_cannot_start_is_no_fault_of_the_clip() -> None:
    stillborn = Decoders(LIMITS, children=1, program=("-c", "raise SystemExit"))
    with stillborn as pool, pytest.raises(EngineError, match="did not start"):
        pool.prepare(WAV, LIMITS)


def test_a_clip_that_needs_more_memory_than_the_fence_has_is_told_so() -> None:
    long = written(speech(50.0))
    with Decoders(LIMITS, Fence(memory=2 * 2**20, cpu_seconds=60, wall_seconds=60)) as pool:
        with pytest.raises(UndecodableAudio, match="more than 2 MiB of memory"):
            pool.prepare(long, LIMITS)
        assert pool.prepare(FILES["flac"], LIMITS) == prepare(FILES["flac"], LIMITS)


def test_the_fence_grows_with_what_is_let_in_and_holds_for_any_length() -> None:
    short, long = Fence.around(Limits(max_seconds=10)), Fence.around(Limits(max_seconds=1e30))
    assert short.memory < Fence.around(Limits()).memory < long.memory < 2**63
    assert short.cpu_seconds < Fence.around(Limits()).cpu_seconds == 90


@linux
def test_a_child_that_somebody_kills_costs_nobody_a_clip() -> None:
    with Decoders(LIMITS, children=2) as pool:
        expected = pool.prepare(WAV, LIMITS)
        for child in list(pool._idle):
            os.kill(child.pid, signal.SIGKILL)
        with ThreadPoolExecutor(2) as threads:
            assert list(threads.map(lambda _: pool.prepare(WAV, LIMITS), range(6))) == [expected] * 6


@linux
def test_a_child_has_none_of_the_servers_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTALK_KAFKA_SASL_PASSWORD", "hunter2")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    child = Decoder(LIMITS, Fence.around(LIMITS))
    try:
        child.prepare(WAV)
        assert b"hunter2" not in Path(f"/proc/{child.pid}/environ").read_bytes()
    finally:
        child.end()


@linux
def test_a_warm_child_can_open_no_file_and_write_none() -> None:
    child = Decoder(LIMITS, Fence.around(LIMITS))
    try:
        child.prepare(WAV)
        limits = Path(f"/proc/{child.pid}/limits").read_text()
        for name in ("open files", "file size", "core file size"):
            assert re.search(rf"^Max {name} +0 +0 ", limits, re.M)
    finally:
        child.end()


def test_what_the_decoders_print_goes_nowhere(capfd: pytest.CaptureFixture[str]) -> None:
    damaged = bytearray(FILES["mp3"])
    damaged[600:700] = bytes(range(100))
    with Decoders(LIMITS, children=1) as pool, contextlib.suppress(AudioError):
        pool.prepare(bytes(damaged), LIMITS)
    assert capfd.readouterr() == ("", "")


@linux
def test_children_end_with_their_server_even_where_it_is_killed() -> None:
    script = (
        "from emotalk.audio import Limits; from emotalk.audio.apart import Decoders; import time\n"
        "pool = Decoders(Limits(), children=2); print(*(c.pid for c in pool._idle), flush=True); time.sleep(99)"
    )
    server = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    pids = [int(word) for word in server.stdout.readline().split()]
    server.kill()
    server.wait()
    until = time.monotonic() + PATIENCE
    while any(Path(f"/proc/{pid}").exists() and b"emotalk" in cmdline(pid) for pid in pids):
        assert time.monotonic() < until
        time.sleep(0.02)
    assert len(pids) == 2


def cmdline(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
