"""What is this file? Told by its first bytes, never by its name."""

from typing import Literal

from emotalk.audio.containers.base import Buffer
from emotalk.audio.limits import CONVERT
from emotalk.errors import NotAudio, TruncatedAudio

Kind = Literal["WAV", "FLAC", "OGG", "MP3"]

_ELSE: tuple[tuple[int, bytes, str], ...] = (
    (4, b"ftyp", "an MP4, M4A or MOV container"),
    (0, b"\x1aE\xdf\xa3", "a WebM or Matroska container"),
    (8, b"AVI ", "an AVI video"),
    (0, b"FLV", "a Flash video"),
    (0, b"\x30\x26\xb2\x75", "a WMA or WMV container"),
    (0, b"FORM", "an AIFF file"),
    (0, b"caff", "a CAF file"),
    (0, b".snd", "an AU file"),
    (0, b"#!AMR", "an AMR recording"),
    (0, b"ADIF", "an AAC stream"),
    (0, b"MThd", "a MIDI file"),
    (0, b"\x89PNG", "a PNG picture"),
    (0, b"\xff\xd8\xff", "a JPEG picture"),
    (0, b"GIF8", "a GIF picture"),
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
)


_MAX_TAGS = 100  # nobody writes more than one or two; a file of nothing else must not keep us busy


def sniff(buffer: Buffer) -> tuple[Kind, int]:
    """The kind of file and where it starts, after ID3v2 tags. Raises NotAudio with the name of what it is instead."""
    first = buffer[:12]
    if first[:4] in (b"RIFF", b"RIFX", b"RF64") and (len(first) < 12 or first[8:] == b"WAVE"):
        return "WAV", 0
    if first[:4] == b"OggS":
        return "OGG", 0
    start = skip_id3(buffer)
    if buffer[start : start + 4] == b"fLaC":
        return "FLAC", start
    if start or (first[:1] == b"\xff" and len(first) > 1 and first[1] & 0xE6 == 0xE2):
        return "MP3", start
    raise NotAudio(f"this is {_name(first, buffer[:512])}, neither WAV, FLAC, OGG nor MP3", CONVERT)


def skip_id3(buffer: Buffer, at: int = 0) -> int:
    """Where the file goes on after the ID3v2 tags at `at`; their sizes have 7 bits to the byte."""
    for _ in range(_MAX_TAGS):
        if buffer[at : at + 3] != b"ID3":
            break
        head = buffer[at : at + 10]
        if len(head) < 10:
            raise TruncatedAudio("the file ends within its ID3 tag", "Send the whole file")
        size = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
        at += 10 + size + (10 if head[5] & 0x10 else 0)
    if at > len(buffer):
        raise TruncatedAudio("the file ends within its ID3 tag", "Send the whole file")
    return at


def _name(first: bytes, beginning: bytes) -> str:
    for at, magic, name in _ELSE:
        if first[at : at + len(magic)] == magic:
            return name
    if first[:1] == b"\xff" and len(first) > 1 and first[1] & 0xF6 == 0xF0:
        return "an AAC stream"
    return "text" if _is_text(beginning) else "no sound that is known here"


def _is_text(beginning: bytes) -> bool:
    return all(byte >= 32 or byte in b"\t\n\r\f" for byte in beginning)  # in UTF-8 or any of its elders
