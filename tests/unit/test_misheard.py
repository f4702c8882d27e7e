"""Live sound that is not what its sender says is told by what it is; true sound never is."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from emotalk.audio.misheard import FirstSound
from emotalk.errors import InvalidRequest
from emotalk.face import Pcm
from tests.unit.audio_files import MP3, OPUS, speech, written
from tests.unit.strangers import recorded

SAMPLE, _ = soundfile.read(Path(__file__).parents[2] / "examples" / "speech.wav", dtype="float32")


def pcm16(sound: Pcm, order: str = "<") -> bytes:
    return np.rint(np.clip(sound, -1, 1) * 32767).astype(f"{order}i2").tobytes()


def stereo(left: Pcm, right: Pcm) -> Pcm:
    return np.stack([left, right], axis=1).reshape(-1)


def hear(data: bytes, encoding: str = "pcm16", piece: int = 640) -> None:
    first = FirstSound(encoding)
    for at in range(0, len(data), piece):
        first.hear(data[at : at + piece])
    first.end()


def narrow(subtype: str) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, SAMPLE, 16_000, format="RAW", subtype=subtype)
    return out.getvalue()


def noise(level: float, seed: int = 0) -> Pcm:
    return (level * np.random.default_rng(seed).standard_normal(32_000)).astype(np.float32)


TIME = np.arange(32_000) / 16_000
TRUE = {
    "speech": SAMPLE,
    "speech from its middle": SAMPLE[57_321:],
    "quiet speech": 0.01 * SAMPLE,
    "clipped speech": np.clip(20 * SAMPLE, -1, 1),
    "speech at 8 kHz": SAMPLE[::2],
    "speech at 48 kHz": np.interp(np.arange(96_000) / 3, np.arange(len(SAMPLE)), SAMPLE).astype(np.float32),
    "a low tone": (0.5 * np.sin(2 * np.pi * 80 * TIME)).astype(np.float32),
    "a high tone": (0.5 * np.sin(2 * np.pi * 7_000 * TIME)).astype(np.float32),
    "white noise": noise(0.1),
    "faint noise": noise(1e-4),
    "silence": np.zeros(64_000, np.float32),
    "a click in silence": np.eye(1, 32_000, 9_000, dtype=np.float32)[0],
    "a square": np.sign(np.sin(2 * np.pi * 90.5 * TIME)).astype(np.float32),
    "loud noise": np.clip(noise(1.0), -1, 1),
    "full scale": np.ones(32_000, np.float32),
}


@pytest.mark.parametrize("name", TRUE)
@pytest.mark.parametrize("encoding", ["pcm16", "float32"])
def test_true_sound_is_never_refused(name: str, encoding: str) -> None:
    sound = TRUE[name].astype(np.float32)
    hear(pcm16(sound) if encoding == "pcm16" else sound.astype("<f4").tobytes(), encoding)


@given(start=st.integers(0, len(SAMPLE) - 16_000), gain=st.floats(0.01, 1.5))
def test_speech_is_never_refused_wherever_it_begins_and_however_loud(start: int, gain: float) -> None:
    sound = (gain * SAMPLE[start:]).astype(np.float32)
    hear(pcm16(sound))
    hear(np.clip(sound, -1, 1).astype("<f4").tobytes(), "float32")


WRONG = {
    "floats": (SAMPLE.astype("<f4").tobytes(), "pcm16", "floats of 32 bits"),
    "big-endian": (pcm16(SAMPLE, ">"), "pcm16", "big-endian"),
    "32-bit integers": (
        (0.9 * SAMPLE.astype(np.float64) * 2**31).astype("<i4").tobytes(),
        "pcm16",
        "integers of 32 bits",
    ),
    "the same on both channels": (pcm16(stereo(SAMPLE, SAMPLE)), "pcm16", "two channels"),
    "another on each channel": (pcm16(stereo(SAMPLE[:200_000], SAMPLE[-200_000:])), "pcm16", "two channels"),
    "32-bit integers of 16-bit sound": (
        (np.rint(SAMPLE * 2**15) * 2**16).astype("<i4").tobytes(),
        "pcm16",
        "integers of 32 bits",
    ),
    "one channel silent": (pcm16(stereo(SAMPLE, 0 * SAMPLE)), "pcm16", "two channels"),
    "stereo floats": (stereo(SAMPLE, 0.5 * SAMPLE).astype("<f4").tobytes(), "float32", "two channels"),
    "24-bit integers": (
        (SAMPLE.astype(np.float64) * 2**23).astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes(),
        "pcm16",
        "integers of 24 bits",
    ),
    "unsigned bytes": (narrow("PCM_U8"), "pcm16", r"8 bits \(unsigned"),
    "a telephone's mu-law": (narrow("ULAW"), "pcm16", r"8 bits \(mu-law"),
    "a telephone's A-law": (narrow("ALAW"), "pcm16", r"8 bits \(A-law"),
    "floats that were never divided": ((32_768 * SAMPLE).astype("<f4").tobytes(), "float32", "Divide them by 32768"),
    "16 bits as floats": (pcm16(SAMPLE), "float32", "not floats"),
    "big-endian floats": (SAMPLE.astype(">f4").tobytes(), "float32", "big-endian"),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("piece", [640, 4_096, 10**7])
def test_what_is_something_else_is_named(name: str, piece: int) -> None:
    data, encoding, said = WRONG[name]
    with pytest.raises(InvalidRequest, match=said) as refusal:
        hear(data, encoding, piece)
    assert refusal.value.field == "audio"


FILES = {
    "a WAV": written(speech(1.0)),
    "a FLAC": written(speech(1.0), 16_000, "FLAC"),
    "an OGG": written(speech(1.0, 48_000), 48_000, *OPUS),
    "an MP3": written(speech(1.0), 16_000, *MP3),
    "an AAC stream": recorded("AAC stream"),
    "an AAC stream from its middle": recorded("AAC stream")[333:],
    "an MP2": recorded("MP2"),
    "an AC-3": recorded("AC-3"),
    "a WebM": b"\x1aE\xdf\xa3" + bytes(9_000),
    "an M4A": b"\0\0\0\x20ftypM4A " + bytes(3_000),
    "an error page": b'{"error": "quota exceeded"}' + b" " * 3_000,
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("encoding", ["pcm16", "float32"])
def test_the_bytes_of_a_file_are_not_samples(name: str, encoding: str) -> None:
    with pytest.raises(InvalidRequest, match=r"bytes of a file|text"):
        hear(FILES[name], encoding)


@given(st.text("etaoin ", min_size=1, max_size=15))
def test_a_few_samples_are_samples_whatever_letters_they_would_be(letters: str) -> None:
    hear(letters.encode())
