"""What is this file? Told by its first bytes, never by its name."""

import re
from typing import NamedTuple

from emotalk.audio.containers.base import Buffer
from emotalk.audio.containers.mp3 import begins_soon
from emotalk.audio.containers.others import OTHERS, Named, identify
from emotalk.audio.containers.packets import find_aac
from emotalk.audio.containers.programmes import find_packets
from emotalk.audio.containers.tags import skip_id3
from emotalk.audio.limits import CONVERT
from emotalk.errors import NotAudio


class Found(NamedTuple):
    """What begins at `start`: a kind that is read here, or `demuxer`, the name of PyAV's that reads it."""

    kind: str
    start: int = 0
    demuxer: str = ""


_OURS: tuple[Named, ...] = (
    (0, b"OggS", "OGG"),
    (8, b"AIFF", "AIFF"),
    (8, b"AIFC", "AIFF"),
    (0, b"caff", "CAF"),
    (0, b".snd", "AU"),
    (0, b"riff\x2e\x91\xcf\x11", "W64"),
)
"""What libsndfile reads, beside WAV, FLAC and MP3, which are told by more."""

_AAC = "AAC stream"
_MEDIA: tuple[tuple[int, bytes, str, str], ...] = (
    (4, b"ftyp", "MP4, M4A or MOV container", "mov"),
    (4, b"moov", "MOV container", "mov"),
    (4, b"mdat", "MOV container", "mov"),
    (4, b"wide", "MOV container", "mov"),
    (0, b"\x1aE\xdf\xa3", "WebM or Matroska container", "matroska"),
    (8, b"AVI ", "AVI video", "avi"),
    (0, b"FLV\x01", "Flash video", "flv"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "WMA or WMV container", "asf"),
    (0, b"#!AMR", "AMR recording", "amr"),
    (0, b"ADIF", _AAC, "aac"),
    (0, b"\0\0\x01\xba", "MPEG video", "mpeg"),
    (0, b"\x0b\x77", "AC-3 stream", "ac3"),
    (0, b"\x7f\xfe\x80\x01", "DTS stream", "dts"),
    (0, b"wvpk", "WavPack file", "wv"),
    (0, b"TTA1", "TTA file", "tta"),
    (0, b"MAC ", "Monkey's Audio file", "ape"),
    (0, b"MPCK", "Musepack file", "mpc8"),
    (0, b"MP+", "Musepack file", "mpc"),
    (0, b"DSD ", "DSF file", "dsf"),
    (8, b"8SVX", "IFF recording", "iff"),
    (0, b"Creative Voi", "VOC recording", "voc"),
    (0, b"NIST_1A", "NIST SPHERE file", "nistsphere"),
    (0, b"\x06\x0e\x2b\x34", "MXF video", "mxf"),
    (0, b".RMF", "RealMedia file", "rm"),
)
"""(at, these bytes, name, demuxer) of what PyAV reads."""

_LATE = re.compile(
    rb"RIFF....WAVE|RF64....WAVE|FORM....AIF[FC]|fLaC\0\0\0\x22|OggS\0\x02|caff\0\x01|\x1aE\xdf\xa3.{4,40}(?:webm|matroska)|\0\0\0.ftyp",
    re.DOTALL,
)
"""What begins a file behind something else: the head of an answer over HTTP, a byte order mark, empty lines."""
_CHUNK, _LAST_CHUNK = re.compile(rb"([0-9a-fA-F]{1,8})[^\r\n]*\r\n"), len(b"\r\n0\r\n\r\n")
_NEAR = 4_096
_RAW = f"Samples without a header need a name: --raw pcm16le:16000, or audio_format. {CONVERT}"
_LONGEST_PACKET = 204


def sniff(buffer: Buffer) -> Found:
    """The kind of file and where it starts, after ID3v2 tags. Raises NotAudio with the name of what it is instead."""
    if ours := _find_ours(buffer, 0):
        return ours
    start = skip_id3(buffer)
    if media := _find_media(buffer, start):
        return media
    if start and (ours := _find_ours(buffer, start)):
        return ours
    first = buffer[start : start + 2]
    if start and (aac := find_aac(buffer, start)) is not None:
        return Found(_AAC, aac, "aac")
    if (start and not _is_other(buffer[start : start + 12])) or (first[:1] == b"\xff" and _is_layer(first, 3)):
        return Found("MP3", start)
    if not _is_other(buffer[:512]) and (late := _LATE.search(buffer[:_NEAR])):
        _refuse_chunks(buffer, late.start())
        return sniff(buffer[late.start() : late.start() + _NEAR])._replace(start=late.start())
    name, fix = identify(buffer)
    if not name and begins_soon(buffer):
        return Found("MP3")
    if not name and (aac := find_aac(buffer, 0)) is not None:
        return Found(_AAC, aac, "aac")
    if not name and (at := next((at for at in range(_LONGEST_PACKET) if find_packets(buffer, at)), 0)):
        return Found("MPEG transport stream", at, "mpegts")
    if not name:
        name, fix = "nothing that is recognised", _RAW
    raise NotAudio(f"this is {name}, neither WAV, FLAC, OGG, MP3 nor anything else that has sound", fix or CONVERT)


def _refuse_chunks(buffer: Buffer, start: int) -> None:
    """Where the size of a chunk stands before a file, the sizes of others stand within it."""
    size = _CHUNK.fullmatch(buffer[:start])
    if size and start + int(size[1], 16) + _LAST_CHUNK < len(buffer):
        raise NotAudio("this is the body of an HTTP answer in chunks, with their sizes", "Save it as curl does")


def _find_ours(buffer: Buffer, start: int) -> Found | None:
    first = buffer[start : start + 12]
    if first[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and (len(first) < 12 or first[8:] == b"WAVE"):
        return Found("WAV", start)
    if first[:4] == b"fLaC":
        return Found("FLAC", start)
    return next((Found(kind, start) for at, magic, kind in _OURS if first[at : at + len(magic)] == magic), None)


def _find_media(buffer: Buffer, start: int) -> Found | None:
    first = buffer[start : start + 12]
    if _is_other(first):
        return None
    for at, magic, name, demuxer in _MEDIA:
        if first[at : at + len(magic)] == magic:
            return Found(name, start, demuxer)
    if len(first) > 1 and first[0] == 0xFF and first[1] & 0xF6 == 0xF0:
        return Found(_AAC, start, "aac")
    if _is_layer(first, 2):
        return Found("MP2 stream", start, "mp3")
    return Found("MPEG transport stream", start, "mpegts") if find_packets(buffer, start) else None


def _is_layer(first: bytes, layer: int) -> bool:
    """Do these begin a frame of MPEG audio, layer II or III?"""
    return len(first) > 1 and first[0] == 0xFF and first[1] & 0xE0 == 0xE0 and first[1] >> 1 & 3 == 4 - layer


def _is_other(first: bytes) -> bool:
    return any(first[at : at + len(magic)] == magic for at, magic, _ in OTHERS)
