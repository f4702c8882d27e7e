"""Sound without a header, as speech services and telephones send it: its owner says what it is."""

import re

from emotalk.audio.containers import WIDTHS, Buffer, Coded, RawPcm
from emotalk.audio.limits import check_shape
from emotalk.audio.misheard import FirstSound, refuse_file
from emotalk.errors import EmptyAudio, InvalidRequest, NotAudio, TruncatedAudio

_KINDS = {
    "pcm8": ("PCM_S8", "LITTLE"),
    "pcmu8": ("PCM_U8", "LITTLE"),
    "pcm16le": ("PCM_16", "LITTLE"),
    "pcm16be": ("PCM_16", "BIG"),
    "pcm24le": ("PCM_24", "LITTLE"),
    "pcm24be": ("PCM_24", "BIG"),
    "pcm32le": ("PCM_32", "LITTLE"),
    "pcm32be": ("PCM_32", "BIG"),
    "float32le": ("FLOAT", "LITTLE"),
    "float32be": ("FLOAT", "BIG"),
    "float64le": ("DOUBLE", "LITTLE"),
    "float64be": ("DOUBLE", "BIG"),
    "mulaw": ("ULAW", "LITTLE"),
    "alaw": ("ALAW", "LITTLE"),
}
_ALIASES = {"pcm16": "pcm16le", "s16le": "pcm16le", "s16be": "pcm16be", "f32le": "float32le", "ulaw": "mulaw"}
_JUDGED = {("PCM_16", "LITTLE"): "pcm16", ("FLOAT", "LITTLE"): "float32"}
_BEGINNING = 2**20
_FIX = "Write KIND:RATE or KIND:RATE:CHANNELS, e.g. pcm16le:16000 or mulaw:8000; kinds are " + ", ".join(_KINDS)


def parse_raw(text: str, field: str = "audio_format") -> RawPcm:
    """'pcm16le:16000' or 'pcm16le:48000:2' → what the samples are. Raises InvalidRequest, UnsupportedAudio."""
    said = re.fullmatch(r"(\w+):([0-9]{1,9})(?::([0-9]{1,3}))?", text.strip().lower())
    kind = _KINDS.get(_ALIASES.get(said[1], said[1])) if said else None
    if said is None or kind is None:
        raise InvalidRequest(field, f"'{text[:60]}' is not a format of raw samples", _FIX)
    raw = RawPcm(int(said[2]), int(said[3] or 1), *kind)
    check_shape(raw.rate, raw.channels)
    return raw


def locate_raw(buffer: Buffer, raw: RawPcm) -> Coded:
    """The samples of a file that holds nothing else. Raises EmptyAudio, NotAudio, TruncatedAudio."""
    align = raw.channels * WIDTHS[raw.subtype]
    if not len(buffer):
        raise EmptyAudio("there are no samples", "Send a recording that is not empty")
    _check_is_so(buffer[:_BEGINNING], raw)
    if len(buffer) % align:
        raise TruncatedAudio(
            f"{len(buffer)} bytes are not whole samples of {align} bytes",
            "Send whole samples, or name their true format",
        )
    return Coded("RAW", buffer, 0, len(buffer), raw=raw)


def _check_is_so(beginning: bytes, raw: RawPcm) -> None:
    """A file's header would be a click, floats taken for integers a roar: what can be told is told."""
    judged = _JUDGED.get((raw.subtype, raw.endian), "") if raw.channels == 1 else ""
    try:
        refuse_file(beginning)
        if judged:
            first = FirstSound(judged)
            first.hear(beginning)
            first.end()
    except InvalidRequest as wrong:
        raise NotAudio(wrong.problem, "Name their true format with --raw or audio_format; none for a file") from wrong
