"""What people send in place of sound, so that a refusal can say what it is."""

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
    (0, b"MZ", "a program"),
    (0, b"\x7fELF", "a program"),
    (0, b"\0\x05\x16\x07", "what a Mac keeps beside a file (its name begins with '._'), not the file"),
)
_BEGINNING = 512
_QUOTED = 60
_BASE64 = (
    "data:audio/",
    "data:video/",
    "UklGR",
    "T2dnU",
    "SUQz",
    "ZkxhQ",
    "GkXfo",
    "AAAAGGZ0eX",
    "AAAAHGZ0eX",
    "AAAAIGZ0eX",
)
_LOST = "�".encode()
"""What stands in for a byte that was no text, after bytes were handled as text."""
_LOST_AT_LEAST = 8


def identify(buffer: Buffer) -> tuple[str, str]:
    """What it is, and what to do about it; both empty where nobody knows."""
    beginning = buffer[:_BEGINNING]
    for at, magic, name in OTHERS:
        if beginning[at : at + len(magic)] == magic:
            return name, ""
    if skip_zeros(buffer, 0) == len(buffer):
        return "nothing but zeros: its writer made room for it and never filled it", "Send it again"
    if beginning.count(_LOST) >= _LOST_AT_LEAST or (beginning[:4] == b"RIFF" and b"WAVEfmt " in beginning[:64]):
        return "a file whose bytes were handled as text and so changed", "Send it as bytes, from the original"
    return _text(beginning)


def _text(beginning: bytes) -> tuple[str, str]:
    words = _words(beginning)
    if words is None:
        return "", ""
    if words.startswith(_BASE64):
        return "a sound in base64", "Decode it first: base64 -d INPUT > OUTPUT"
    quoted = words[:_QUOTED] + ("…" if len(words) > _QUOTED else "")
    return f"text, which begins with '{quoted}'" if quoted else "text", ""


def _words(beginning: bytes) -> str | None:
    """The text that it is, in UTF-8, UTF-16 or any of their elders; else None."""
    if beginning[:2] in (b"\xff\xfe", b"\xfe\xff"):
        wide = " ".join(beginning.decode("utf-16", "replace").split())
        return wide if wide.isprintable() and wide.isascii() else None  # else it is as likely noise
    words = beginning.decode("utf-8", "replace")
    lost = words[:-1].count("\N{REPLACEMENT CHARACTER}")  # the last one may be cut
    if 2 * lost > len(words) or any(byte < 32 and byte not in b"\t\n\r\f" for byte in beginning):
        return None
    return " ".join(words.split())
