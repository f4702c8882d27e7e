"""Files as strangers have them, written by code: of phones, browsers, studios, telephones, and a little wrong."""

import io
import struct
from contextlib import ExitStack
from functools import cache
from typing import Any

import av
import numpy as np
import soundfile

from tests.unit.audio_files import MP3, OPUS, VORBIS, speech, wav, written

SECONDS = 2.0
SOUND = speech(SECONDS)


def media(container: str, codec: str, rate: int = 16_000, sound=SOUND, film=False, into=None, **options: str) -> bytes:
    """`sound` in a container of ffmpeg's; with `film` beside a picture that stands still."""
    out = into or io.BytesIO()
    with av.open(out, "w", format=container, options=options) as file:
        picture = file.add_stream(film if isinstance(film, str) else "mpeg4", rate=25) if film else None
        if picture:
            picture.width, picture.height, picture.pix_fmt = 32, 32, "yuv420p"
        stream = file.add_stream(codec, rate=rate) if len(sound) else None
        if stream:
            stream.layout, stream.bit_rate = "mono", 64_000
        if picture:
            for _ in range(round(25 * SECONDS)):
                file.mux(picture.encode(av.VideoFrame(32, 32, "yuv420p")))
            file.mux(picture.encode(None))
        if stream is None:
            file.close()
            return out.getvalue()
        resampler = av.AudioResampler(stream.format, "mono", rate, stream.frame_size or None)
        samples = np.rint(
            32767 * np.interp(np.arange(len(sound) * rate // 16_000) * 16_000 / rate, np.arange(len(sound)), sound)
        )
        frame = av.AudioFrame.from_ndarray(samples.astype("<i2")[None], "s16", "mono")
        frame.sample_rate, frame.pts = rate, 0
        for piece in [*resampler.resample(frame), *resampler.resample(None), None]:
            file.mux(stream.encode(piece))
    return out.getvalue()


MEDIA = {
    "M4A (AAC)": ("mp4", "aac", 44_100),
    "MOV (ALAC)": ("mov", "alac", 16_000),
    "3GP (AAC)": ("3gp", "aac", 16_000),
    "WebM (Opus)": ("webm", "libopus", 48_000),
    "Matroska (AAC)": ("matroska", "aac", 48_000),
    "Matroska (PCM)": ("matroska", "pcm_s16le", 16_000),
    "AAC stream": ("adts", "aac", 44_100),
    "AVI (MP3)": ("avi", "libmp3lame", 44_100),
    "FLV (AAC)": ("flv", "aac", 44_100),
    "MPEG transport stream (AAC)": ("mpegts", "aac", 44_100),
    "WMA": ("asf", "wmav2", 44_100),
    "AC-3": ("ac3", "ac3", 48_000),
    "MP2": ("mp2", "mp2", 48_000),
    "E-AC-3": ("eac3", "eac3", 48_000),
    "MPEG video (MP2)": ("mpeg", "mp2", 48_000),
    "CAF (IMA ADPCM)": ("caf", "adpcm_ima_qt", 44_100),
    "WavPack": ("wv", "wavpack", 44_100),
    "TTA": ("tta", "tta", 44_100),
    "VOC": ("voc", "pcm_s16le", 16_000),
    "MP3 in WAV": ("wav", "libmp3lame", 44_100),
    "MP2 in WAV": ("wav", "mp2", 48_000),
    "AC-3 in WAV": ("wav", "ac3", 48_000),
    "G.722 in WAV": ("wav", "g722", 16_000),
}


@cache
def recorded(name: str) -> bytes:
    """The file of this kind of MEDIA, made once a process."""
    return media(*MEDIA[name])


PLAIN = {
    **{f"WAV ({name})": ("WAV", name) for name in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")},
    **{f"WAV ({name})": ("WAV", name) for name in ("ULAW", "ALAW", "MS_ADPCM", "IMA_ADPCM", "GSM610")},
    "RF64": ("RF64", "PCM_16"),
    "FLAC (16 bit)": ("FLAC", "PCM_16"),
    "FLAC (24 bit)": ("FLAC", "PCM_24"),
    "OGG (Vorbis)": VORBIS,
    "OGG (Opus)": OPUS,
    "MP3": MP3,
    "AIFF": ("AIFF", "PCM_16"),
    "AIFF (FLOAT)": ("AIFF", "FLOAT"),
    "AU": ("AU", "PCM_16"),
    "AU (ULAW)": ("AU", "ULAW"),
    "CAF": ("CAF", "PCM_16"),
    "CAF (ALAC)": ("CAF", "ALAC_16"),
    "W64": ("W64", "PCM_16"),
}


def plain(name: str, rate: int, channels: int) -> bytes:
    container, subtype = PLAIN[name]
    return written(speech(SECONDS, rate, channels), rate, container, subtype)


def together(container: str, *files: bytes, late: float = 0.0) -> bytes:
    """The first stream of each of these files, as they are, in one container; `late` by so many seconds."""
    out = io.BytesIO()
    with ExitStack() as stack, av.open(out, "w", format=container) as film:
        parts: list[Any] = [stack.enter_context(av.open(io.BytesIO(file))) for file in files]
        streams = [film.add_stream_from_template(part.streams[0]) for part in parts]
        for part, stream in zip(parts, streams, strict=True):
            for packet in (each for each in part.demux(part.streams[0]) if each.dts is not None):
                packet.stream = stream
                packet.pts += round(late / packet.time_base)
                packet.dts += round(late / packet.time_base)
                film.mux(packet)
    return out.getvalue()


def subtitled() -> bytes:
    """A Matroska file with a line of subtitles beside its sound."""
    return together("matroska", b"1\n00:00:00,000 --> 00:00:01,000\nHello\n", recorded("Matroska (AAC)"))


def ints(sound=SOUND):
    return np.rint(sound * 32767).astype("<i2")


def floats_wav(values: np.ndarray, channels: int = 1) -> bytes:
    bits = 8 * values.dtype.itemsize
    tag = 3 if values.dtype.kind == "f" else 1
    return wav(values.tobytes(), channels=channels, tag=tag, bits=bits)


def without_pad() -> bytes:
    """A chunk of an odd size before the samples, without the byte that makes it even."""
    return wav(ints().tobytes(), before=b"LIST" + struct.pack("<I", 5) + b"INFOx")


def vbri(mp3: bytes) -> bytes:
    """The same MP3 with Fraunhofer's silent first frame in place of Xing's."""
    from emotalk.audio.containers.mp3 import read_header

    first = read_header(mp3[:4])
    at, frames = first.length, 0
    while header := read_header(mp3[at : at + 4]):
        at, frames = at + header.length, frames + 1
    body = mp3[:4] + bytes(32) + b"VBRI" + struct.pack(">HHHII", 1, 0, 0, len(mp3), frames)
    return body.ljust(first.length, b"\0") + mp3[first.length :]


def heard(data: bytes) -> np.ndarray:
    return soundfile.read(io.BytesIO(data), dtype="float32")[0]
