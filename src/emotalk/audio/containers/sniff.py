"""What is this file? Told by its first bytes, never by its name."""

from typing import NamedTuple

from emotalk.audio.containers.base import Buffer
from emotalk.audio.containers.mp3 import begins_soon
from emotalk.audio.containers.tags import skip_id3
from emotalk.audio.limits import CONVERT
from emotalk.errors import NotAudio


class Found(NamedTuple):
    """What begins at `start`: a kind that is read here, or `demuxer`, the name of PyAV's that reads it."""

    kind: str
    start: int = 0
    demuxer: str = ""


_OURS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"OggS", "OGG"),
    (8, b"AIFF", "AIFF"),
    (8, b"AIFC", "AIFF"),
    (0, b"caff", "CAF"),
    (0, b".snd", "AU"),
    (0, b"riff\x2e\x91\xcf\x11", "W64"),
)
"""(at, these bytes, kind) of what libsndfile reads, beside WAV, FLAC and MP3, which are told by more."""

_MEDIA: tuple[tuple[int, bytes, str, str], ...] = (
    (4, b"ftyp", "MP4, M4A or MOV container", "mov"),
    (4, b"moov", "MOV container", "mov"),
    (4, b"mdat", "MOV container", "mov"),
    (0, b"\x1aE\xdf\xa3", "WebM or Matroska container", "matroska"),
    (8, b"AVI ", "AVI video", "avi"),
    (0, b"FLV\x01", "Flash video", "flv"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "WMA or WMV container", "asf"),
    (0, b"#!AMR", "AMR recording", "amr"),
    (0, b"ADIF", "AAC stream", "aac"),
    (0, b"\0\0\x01\xba", "MPEG video", "mpeg"),
    (0, b"\x0b\x77", "AC-3 stream", "ac3"),
)
"""(at, these bytes, name, demuxer) of what PyAV reads."""

_ELSE: tuple[tuple[int, bytes, str], ...] = (
    (0, b"MThd", "a MIDI file"),
    (0, b"\x89PNG", "a PNG picture"),
    (0, b"\xff\xd8\xff", "a JPEG picture"),
    (0, b"GIF8", "a GIF picture"),
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
)
_PACKET = 188
"""Bytes of a packet of an MPEG transport stream; each begins with 0x47."""

_QUOTED = 60


def sniff(buffer: Buffer) -> Found:
    """The kind of file and where it starts, after ID3v2 tags. Raises NotAudio with the name of what it is instead."""
    first = buffer[:12]
    if first[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and (len(first) < 12 or first[8:] == b"WAVE"):
        return Found("WAV")
    for at, magic, kind in _OURS:
        if first[at : at + len(magic)] == magic:
            return Found(kind)
    start = skip_id3(buffer)
    if buffer[start : start + 4] == b"fLaC":
        return Found("FLAC", start)
    if media := _media(buffer, start):
        return media
    if (start and _known(buffer[start : start + 12]) is None) or (
        first[:1] == b"\xff" and len(first) > 1 and first[1] & 0xE6 == 0xE2
    ):
        return Found("MP3", start)
    name = _name(first, buffer[:512])
    if name is None and begins_soon(buffer):
        return Found("MP3")
    named = name or "no sound that is known here"
    raise NotAudio(f"this is {named}, neither WAV, FLAC, OGG, MP3 nor anything else that has sound", CONVERT)


def _media(buffer: Buffer, start: int) -> Found | None:
    first = buffer[start : start + 12]
    for at, magic, name, demuxer in _MEDIA:
        if first[at : at + len(magic)] == magic:
            return Found(name, start, demuxer)
    if len(first) > 1 and first[0] == 0xFF and first[1] & 0xF6 == 0xF0:
        return Found("AAC stream", start, "aac")
    if _is_layer(first, 2):
        return Found("MP2 stream", start, "mp3")
    if all(buffer[start + k * _PACKET : start + k * _PACKET + 1] == b"G" for k in range(4)):
        return Found("MPEG transport stream", start, "mpegts")
    return None


def _is_layer(first: bytes, layer: int) -> bool:
    """Do these begin a frame of MPEG audio, layer II or III?"""
    return len(first) > 1 and first[0] == 0xFF and first[1] & 0xE0 == 0xE0 and first[1] >> 1 & 3 == 4 - layer


def _known(first: bytes) -> str | None:
    return next((name for at, magic, name in _ELSE if first[at : at + len(magic)] == magic), None)


def _name(first: bytes, beginning: bytes) -> str | None:
    if name := _known(first):
        return name
    if not _is_text(beginning):
        return None
    words = " ".join(beginning.decode("utf-8", "replace").split())
    quoted = words[:_QUOTED] + ("…" if len(words) > _QUOTED else "")
    return f"text, which begins with '{quoted}'" if quoted else "text"


def _is_text(beginning: bytes) -> bool:
    return all(byte >= 32 or byte in b"\t\n\r\f" for byte in beginning)  # in UTF-8 or any of its elders
