"""Small audio files for the tests, written by soundfile or by hand."""

import io
import struct

import numpy as np
import soundfile

VORBIS, OPUS, MP3 = ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")


def speech(seconds=1.0, rate=16_000, channels=1, seed=0):
    """A buzz with a syllable rhythm and some noise, float32 [n] or [n, 2] well within full scale."""
    t = np.arange(round(seconds * rate)) / rate
    voice = 0.4 * np.sin(2 * np.pi * 150 * t) * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * t))
    sound = (voice + 0.02 * np.random.default_rng(seed).standard_normal(t.size)).astype(np.float32)
    return sound if channels == 1 else np.stack([sound, -0.5 * sound], axis=1)


def sine(rate, seconds=1.0, hertz=1_000.0):
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def written(sound, rate=16_000, container="WAV", subtype="PCM_16", **more):
    out = io.BytesIO()
    soundfile.write(out, sound, rate, format=container, subtype=subtype, **more)
    return out.getvalue()


def wav(payload, rate=16_000, channels=1, tag=1, bits=16, data_size=None, riff_size=None, before=b"", after=b""):
    """A WAV by hand, so that its sizes can lie."""
    align = channels * bits // 8
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, tag, channels, rate, rate * align, align, bits)
    data = struct.pack("<4sI", b"data", len(payload) if data_size is None else data_size) + payload
    body = b"WAVE" + fmt + before + data + after
    return struct.pack("<4sI", b"RIFF", len(body) if riff_size is None else riff_size) + body


def ints16(n=16_000, seed=0):
    return np.random.default_rng(seed).integers(-32768, 32768, n, dtype=np.int16)


def flac_promising(total, flac):
    """The same FLAC with another number of samples in its STREAMINFO."""
    bits = int.from_bytes(flac[18:26], "big")
    return flac[:18] + (bits >> 36 << 36 | total).to_bytes(8, "big") + flac[26:]


def valid_files():
    """One small valid file of every kind, by name."""
    mono, stereo = speech(0.3), speech(0.3, 44_100, 2)
    return {
        "wav": written(mono),
        "wav float": written(stereo, 44_100, "WAV", "FLOAT"),
        "wav double": written(mono, 16_000, "WAV", "DOUBLE"),
        "wav a-law": written(speech(0.3, 8_000), 8_000, "WAV", "ALAW"),
        "wavex": written(stereo, 44_100, "WAVEX", "PCM_24"),
        "flac": written(stereo, 44_100, "FLAC"),
        "flac of unknown length": flac_promising(0, written(mono, 16_000, "FLAC")),
        "vorbis": written(stereo, 44_100, *VORBIS),
        "opus": written(speech(0.3, 48_000), 48_000, *OPUS),
        "mp3": written(stereo, 44_100, *MP3),
        "mp3 at 8 kHz": written(speech(0.3, 8_000), 8_000, *MP3),
    }
