"""What people send in place of sound, so that a refusal can say what it is."""

import re

from emotalk.audio.containers.base import Buffer
from emotalk.audio.containers.tags import skip_zeros

Named = tuple[int, bytes, str]
"""At this byte, these bytes, mean this."""

OTHERS: tuple[Named, ...] = (
    (0, b"MThd", "a MIDI file"),
    (8, b"RMID", "a MIDI file"),
    (0, b"\x89PNG", "a PNG picture"),
    (0, b"\xff\xd8\xff", "a JPEG picture"),
    (0, b"GIF8", "a GIF picture"),
    (8, b"WEBP", "a WebP picture"),
    *((4, b"ftyp" + brand, "a HEIC or AVIF picture") for brand in (b"heic", b"heix", b"mif1", b"msf1", b"avif")),
    (4, b"ftypaax", "a protected audio book (AAX)"),
    (0, b"#!SILK", "a SILK recording of a messenger, whose codec is not read"),
    (1, b"#!SILK", "a SILK recording of a messenger, whose codec is not read"),
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"Rar!", "a RAR archive"),
    (0, b"7z\xbc\xaf", "a 7z archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"BZh", "a bzip2 archive"),
    (0, b"\xfd7zXZ", "an xz archive"),
    (0, b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (257, b"ustar", "a tar archive"),
    (0, b"#EXTM3U", "a playlist, which only names other files"),
    (0, b"[playlist]", "a playlist, which only names other files"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"MMMD", "an SMAF ringtone"),
    (0, b".SoX", "a SoX file"),
    (0, b"2BIT", "an AVR file"),
    (0, b"PVF1", "a PVF file"),
    (0, b" paf", "a PARIS file"),
    (0, b"fap ", "a PARIS file"),
    (0, b"\x64\xa3", "an IRCAM file"),
    (0, b"ALawSoundFile", "a Psion recording"),
    (0, b"EA3\x01", "an ATRAC file"),
    (0, b"\xc0\xde\xc2", "a Codec 2 recording"),
    (0, b"\x56\xe0", "an AAC stream in LATM"),
    (4, b"\xf8\x72\x6f", "a TrueHD or MLP stream"),
    (0, b"\x1f\x07\x00", "a DV film"),
    (0, b"nut/multimedia", "a NUT container"),
    (1, b"WS\x06", "a Flash program (SWF)"),
    (0, b"\xb7\xd8\x00\x20\x37\x49\xda\x11", "a WTV film"),
    (0, b"\0\0\0\0\x01\xbc\0\0", "a GXF film"),
    (0, b"MZ", "a program"),
    (0, b"\x7fELF", "a program"),
    (0, b"\0\x05\x16\x07", "what a Mac keeps beside a file (its name begins with '._'), not the file"),
)
_BEGINNING = 512
_QUOTED = 60
_FIXES = {
    "archive": "Unpack it, and send the file that is in it",
    "array": "Write its samples as a WAV: soundfile.write('output.wav', array, RATE)",
}
_HEXADECIMAL = re.compile(r"(?:[0-9a-fA-F]{2} ?){30,}[0-9a-fA-F]?")
_ENCODED, _ENCODED_WITHIN = re.compile(r"[\w+/-]{60}"), re.compile(r"[\w+/-]{200}")
"""No word is as long, and no address either."""
_LOST = "�".encode()
"""What stands in for a byte that was no text, after bytes were handled as text."""
_LOST_AT_LEAST = 8
_LINE_AMONG_SAMPLES = re.compile(rb"[\0-\x08\x0e-\x1f]\r\n|\r\n[\0-\x08\x0e-\x1f]")
_LINES_AMONG_SAMPLES = 4
"""More than of a recorder's notes, whose lines may end so by right, where silence follows them."""
_LONG_BEGINNING, _LINES, _RARELY, _LONGEST_LETTER = 2**18, 16, 50, 4
"""So many lines all end alike by intent alone, and one byte in fifty is not chance."""
CHANGED = "a file that some program changed because it took the bytes for text", "Send it as bytes, from the original"


def identify(buffer: Buffer) -> tuple[str, str]:
    """What it is, and what to do about it; both empty where nobody knows."""
    beginning = buffer[:_BEGINNING]
    for at, magic, name in OTHERS:
        if beginning[at : at + len(magic)] == magic:
            return name, _FIXES.get(name.split()[-1], "")
    if skip_zeros(buffer, 0) == len(buffer):
        return "nothing but zeros: its writer reserved the space and never filled it", "Send it again"
    if text := _identify_text(beginning):
        return text
    lost = beginning.count(_LOST) >= _LOST_AT_LEAST or (beginning[:4] == b"RIFF" and b"WAVEfmt " in beginning[:64])
    return CHANGED if lost or is_text_of_bytes(buffer) else ("", "")


def is_text_of_bytes(buffer: Buffer) -> bool:
    """Has a program that copies text changed these bytes: every line end is two bytes long, or every byte above 127?"""
    beginning = buffer[:_LONG_BEGINNING]
    lines = beginning.count(b"\n")
    if lines >= _LINES and lines == beginning.count(b"\r\n"):
        return len(_LINE_AMONG_SAMPLES.findall(beginning)) >= _LINES_AMONG_SAMPLES
    if beginning.count(_LOST) > len(beginning) // _RARELY:
        return True
    twos = beginning.count(b"\xc2") + beginning.count(b"\xc3")
    return twos > len(beginning) // _RARELY and _is_utf8(beginning)


def _is_utf8(beginning: bytes) -> bool:
    try:
        beginning[:-_LONGEST_LETTER].decode()
    except UnicodeDecodeError as error:
        return error.end > len(beginning) - 2 * _LONGEST_LETTER  # the last letter may be cut
    return True


def _identify_text(beginning: bytes) -> tuple[str, str] | None:
    words = _decode_text(beginning)
    if words is None:
        return None
    quoted = words[:_QUOTED] + ("…" if len(words) > _QUOTED else "")
    if _HEXADECIMAL.fullmatch(words):
        return "a sound in hexadecimal digits", "Decode it first: xxd -r -p INPUT > OUTPUT"
    if words.startswith("data:") or _ENCODED.match(words):
        return "a sound in base64", "Decode it first: base64 -d INPUT > OUTPUT"
    if _ENCODED_WITHIN.search(words):
        return f"text with base64 in it, which begins with '{quoted}'", "Take it out and decode it: base64 -d"
    return (f"text, which begins with '{quoted}'" if quoted else "text"), ""


def _decode_text(beginning: bytes) -> str | None:
    """The text that it is, in UTF-8, UTF-16 or any of their elders; else None."""
    if beginning[:2] in (b"\xff\xfe", b"\xfe\xff"):
        wide = " ".join(beginning.decode("utf-16", "replace").split())
        return wide if wide.isprintable() and wide.isascii() else None  # else it is as likely noise
    words = beginning.decode("utf-8", "replace")
    lost = words[:-1].count("\N{REPLACEMENT CHARACTER}")  # the last one may be cut
    if 2 * lost > len(words) or any(byte < 32 and byte not in b"\t\n\r\f" for byte in beginning):
        return None
    return " ".join(words.split())
