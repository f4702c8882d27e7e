"""What players write before and behind sound, and what else may lie behind it."""

import struct

from emotalk.audio.containers.base import Buffer
from emotalk.errors import AudioError, TruncatedAudio, UnsupportedAudio

STRAY_BYTES = 1_024
"""So many bytes that are nothing known do no harm: line ends, a byte of padding, what an editor left behind."""

_MAX_TAGS = 100  # nobody writes more than one or two; a file of nothing else must not keep us busy
_ZEROS = bytes(4_096)
BEGINNINGS = (
    b"RIFF",
    b"RIFX",
    b"RF64",
    b"BW64",
    b"fLaC",
    b"OggS",
    b"FORM",
    b"caff",
    b".snd",
    b"\x1aE\xdf\xa3",
    b"FLV\x01",
    b"riff",
)
"""What another recording may begin with."""


def refuse_rest(buffer: Buffer, at: int, name: str) -> None:
    """Refuse what lies behind the end of a recording at `at`, unless it is tags, padding or a few stray bytes.

    Raises UnsupportedAudio with the byte: who joined two files would else be heard in half.
    """
    rest, stop = refuse_another(buffer, at, name), find_tags(buffer)
    if stop - rest > STRAY_BYTES:
        raise UnsupportedAudio(
            f"the {name} ends at byte {at}, and {stop - rest} bytes after it are not recognised",
            "Write it again from the original",
        )


def refuse_another(buffer: Buffer, at: int, name: str) -> int:
    """Refuse a second recording behind the end of a first; else say where tags and padding end."""
    rest = skip_zeros(buffer, skip_tags(buffer, skip_zeros(buffer, at)))
    near = buffer[rest : rest + STRAY_BYTES]
    beginning = near.lstrip(b"\r\n\t \0")
    if beginning.startswith(BEGINNINGS):
        raise make_another_error(rest + len(near) - len(beginning), name)
    return rest


def make_another_error(at: int, name: str) -> AudioError:
    """The refusal of a second recording that begins at `at`."""
    return UnsupportedAudio(
        f"another recording begins at byte {at}, behind the end of the {name}",
        "Send them one by one, or join them: ffmpeg -i FIRST -i SECOND -filter_complex concat=v=0:a=1 output.wav",
    )


def skip_zeros(buffer: Buffer, at: int) -> int:
    """Where the first byte other than 0 lies at or after `at`."""
    while (piece := buffer[at : at + len(_ZEROS)]) and not piece.strip(b"\0"):
        at += len(piece)
    return at + len(piece) - len(piece.lstrip(b"\0"))


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


def find_tags(buffer: Buffer) -> int:
    """Where the ID3v1 and APEv2 tags at the end begin: a last frame that is cut reaches into them."""
    stop = len(buffer) - 128 if buffer[-128:-125] == b"TAG" else len(buffer)
    footer = buffer[max(stop - 32, 0) : stop]
    if footer[:8] != b"APETAGEX":
        return stop
    size, _, flags = struct.unpack("<III", footer[12:24])
    return int(max(stop - size - (32 if flags >> 31 else 0), 0))


def skip_tags(buffer: Buffer, at: int) -> int:
    """Where the file goes on after the tags at `at`: at its end, or between two files that were joined."""
    while (name := buffer[at : at + 8]).startswith((b"ID3", b"TAG", b"APETAGEX", b"LYRICSBE")):
        if name.startswith(b"ID3"):
            at = skip_id3(buffer, at)
        elif name.startswith(b"TAG"):
            at += 128
        elif name == b"APETAGEX":
            size, _, flags = struct.unpack("<III", buffer[at + 12 : at + 24].ljust(12, b"\0"))
            at += 32 + (size if flags >> 29 & 1 else 0)
        else:
            end = buffer.find(b"LYRICS200", at)
            at = end + 9 if end > 0 else len(buffer)
    return at
