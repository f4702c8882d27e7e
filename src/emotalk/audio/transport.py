"""How sound travels through the queue: FLAC at 16 kHz mono, 16-bit where it is exactly that, else 24-bit."""

import io
import math
import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import soundfile
from numpy.typing import NDArray

from emotalk.audio.containers import locate
from emotalk.audio.decode import AudioReader
from emotalk.audio.source import open_source
from emotalk.errors import EmptyAudio, UnsupportedAudio
from emotalk.face import Pcm
from emotalk.limits import Limits
from emotalk.timebase import SAMPLE_RATE

_BLOCK = 2**18
_UNLIMITED = Limits(max_seconds=math.inf, max_bytes=sys.maxsize)  # whoever sent it has been through the limits


def encode_flac(pcm: Pcm) -> bytes:
    """Encode float32 [n ≥ 1] at 16 kHz in [-1, 1] as FLAC. Exact for sound of 16 bits, else rounded to 24 bits.

    The same sound gives the same bytes. Raises EmptyAudio.
    """
    if not pcm.size:
        raise EmptyAudio("there are no samples", "Send a recording that is not empty")
    bits = 16 if all(_is_16_bit(block) for block in _split_blocks(pcm)) else 24
    out = io.BytesIO()
    shape = {"format": "FLAC", "subtype": f"PCM_{bits}", "compression_level": 0.0}
    with soundfile.SoundFile(out, "w", SAMPLE_RATE, 1, **shape) as file:
        for block in _split_blocks(pcm):
            file.write(_to_integers(block, bits))
    return out.getvalue()


def decode_flac_blocks(data: bytes, size: int = SAMPLE_RATE) -> Iterator[Pcm]:
    """The sound of `encode_flac` in float32 blocks of `size` samples (the last may be shorter). Raises AudioError."""
    # Nobody asks what stands behind it: to find out would take four times as long as all the rest.
    coded = replace(locate(data, _UNLIMITED), alone=True)
    reader = AudioReader(open_source(coded), coded.format, _UNLIMITED)
    if (reader.format, reader.rate, reader.channels) != ("FLAC", SAMPLE_RATE, 1):
        raise UnsupportedAudio(
            f"a job carries {reader.format} at {reader.rate} Hz with {reader.channels} channels",
            "Submit it again: jobs carry FLAC at 16000 Hz, mono",
        )
    yield from reader.blocks(size)


def _split_blocks(pcm: Pcm) -> Iterator[Pcm]:
    return (pcm[at : at + _BLOCK] for at in range(0, pcm.size, _BLOCK))


def _is_16_bit(block: Pcm) -> bool:
    scaled = block * np.float32(2**15)
    return bool((scaled == np.rint(scaled)).all() and scaled.max() < 2**15)


def _to_integers(block: Pcm, bits: int) -> NDArray[np.int32]:
    """Whole numbers at the top of 32 bits, which is where libsndfile takes them from; +1.0 is one step too high."""
    top = 2 ** (bits - 1)
    whole = np.clip(np.rint(block.astype(np.float64) * top), -top, top - 1)
    shifted: NDArray[np.int32] = whole.astype(np.int32) << (32 - bits)
    return shifted
