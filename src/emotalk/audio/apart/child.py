"""The decoding child: `python -m emotalk.audio.apart.child MAX_SECONDS MAX_BYTES MEMORY CPU_SECONDS`.

Reads clips from its standard input and answers on its standard output, one at a time, until the input ends: so it
cannot outlive its server, however that one ends. Both speak in frames (see `frames.py`).
"""

import io
import os
import sys
from collections import deque
from contextlib import suppress
from importlib import import_module
from typing import BinaryIO

import numpy as np
import soundfile

from emotalk.audio.apart.fence import allow_cpu, close_off
from emotalk.audio.apart.frames import BROKE, OUT_OF_MEMORY, READY, REFUSED, SOUND, read_clip, write_answer
from emotalk.audio.prepared import prepare
from emotalk.audio.resample import resample
from emotalk.audio.sent import Sent
from emotalk.errors import AudioError
from emotalk.limits import Limits

_KINDS = (("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"))


def main(max_seconds: str, max_bytes: str, memory: str, cpu_seconds: str) -> None:
    """Get warm, close off, decode."""
    limits = Limits(float(max_seconds), int(max_bytes))
    source, target = _open_pipes()
    os.chdir(os.sep)  # libsndfile takes a folder .AppleDouble where it runs for half of any MP3
    _warm_up()
    close_off(int(memory))
    write_answer(target, READY)
    while (clip := read_clip(source, limits.max_bytes)) is not None:
        allow_cpu(float(cpu_seconds))
        _answer(target, *clip, limits)
        del clip


def _answer(target: BinaryIO, clip: bytes, sent: Sent, limits: Limits) -> None:
    try:
        prepared = prepare(clip, limits, sent)
    except AudioError as error:
        words = "\0".join((type(error).__name__, error.problem, error.fix))
        write_answer(target, REFUSED, words.encode())
    except MemoryError:
        write_answer(target, OUT_OF_MEMORY)
    except Exception as error:
        write_answer(target, BROKE, type(error).__name__.encode())
        raise
    else:
        write_answer(target, SOUND, prepared.flac, prepared.samples, prepared.missing)


def _open_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Ours alone: what libraries print goes nowhere (libmpg123 tells of every damaged frame)."""
    source, target = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    return source, target


def _warm_up() -> None:
    """Load what is loaded late, before files can no longer be opened."""
    silence = np.zeros(4_410, np.float32)
    deque(resample([silence], 44_100), maxlen=0)
    for kind, subtype in _KINDS:
        out = io.BytesIO()
        soundfile.write(out, silence, 48_000, subtype, format=kind)
        prepare(out.getvalue(), Limits())
    noise = np.random.default_rng(0).integers(-9_999, 9_999, 48_000, np.int16).tobytes()
    for kind in ("pcm16le:16000", "float32le:16000"):
        with suppress(AudioError):
            prepare(noise, Limits(), Sent(kind))
    with suppress(AudioError):  # PyAV is an extra
        prepare(out.getvalue()[:-60], Limits(), Sent(lenient=True))
        # PyAV imports this one at the first film with subtitles.
        import_module("av.subtitles.codeccontext")


if __name__ == "__main__":
    main(*sys.argv[1:])
