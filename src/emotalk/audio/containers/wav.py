"""WAV: RIFF, RIFX and RF64 with PCM, float, A-law or mu-law samples, plain or WAVE_FORMAT_EXTENSIBLE.

Only the chunk of samples is handed to the decoder, as headerless PCM: libsndfile takes a data size of 0, which every
writer into a pipe leaves behind, for an empty clip.
"""

import struct
from collections.abc import Iterator

from emotalk.audio.containers.base import Buffer, Coded, RawPcm
from emotalk.audio.limits import CONVERT
from emotalk.errors import EmptyAudio, NotAudio, TruncatedAudio, UnsupportedAudio

_SUBTYPES = {
    (1, 8): "PCM_U8",
    (1, 16): "PCM_16",
    (1, 24): "PCM_24",
    (1, 32): "PCM_32",
    (3, 32): "FLOAT",
    (3, 64): "DOUBLE",
    (6, 8): "ALAW",
    (7, 8): "ULAW",
}
_EXTENSIBLE = 0xFFFE
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
_MAX_CHUNKS = 1_000


def locate(buffer: Buffer) -> Coded:
    """Find the samples of a WAV. Raises NotAudio, TruncatedAudio, UnsupportedAudio, EmptyAudio."""
    order = ">" if buffer[:4] == b"RIFX" else "<"
    raw, long_size = None, None
    for name, start, size in _chunks(buffer, order):
        if name == b"ds64" and start + 16 <= len(buffer):
            long_size = int(struct.unpack_from("<Q", buffer[start : start + 16], 8)[0])
        elif name == b"fmt ":
            raw = _format(buffer[start : start + min(size, 40)], order)
        elif name == b"data" and raw is None:
            raise NotAudio("the WAV does not say what its samples are (no fmt chunk before the data)", CONVERT)
        elif name == b"data" and raw is not None:
            return _samples(buffer, order, raw, start, size if long_size is None or size < 2**32 - 1 else long_size)
    raise TruncatedAudio("the WAV ends before its data chunk", "Send the whole file")


def _chunks(buffer: Buffer, order: str) -> Iterator[tuple[bytes, int, int]]:
    at = 12
    for _ in range(_MAX_CHUNKS):
        if at + 8 > len(buffer):
            return
        name, size = struct.unpack(f"{order}4sI", buffer[at : at + 8])
        yield name, at + 8, size
        at += 8 + size + size % 2


def _format(chunk: bytes, order: str) -> RawPcm:
    if len(chunk) < 16:
        raise TruncatedAudio("the WAV's fmt chunk is too short", "Send the whole file, or write it anew")
    tag, channels, rate, _, align, bits = struct.unpack(f"{order}HHIIHH", chunk[:16])
    if tag == _EXTENSIBLE and chunk[26:40] == _GUID_TAIL:
        tag = struct.unpack(f"{order}H", chunk[24:26])[0]
    width = -(-bits // 8) * 8
    subtype = _SUBTYPES.get((tag, width))
    if subtype is None or align * 8 != channels * width or not align:
        raise UnsupportedAudio(
            f"the WAV holds {bits}-bit samples of format {tag:#06x} in {align} bytes; "
            "only PCM of 8 to 32 bits, float of 32 or 64 bits, A-law and mu-law are read",
            CONVERT,
        )
    return RawPcm(rate, channels, subtype, "BIG" if order == ">" else "LITTLE")


def _samples(buffer: Buffer, order: str, raw: RawPcm, start: int, size: int) -> Coded:
    held = len(buffer) - start
    if _is_unknown(size) and not (size == 0 and _is_whole(buffer, order)):
        size = held
    align = raw.channels * {"PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}.get(raw.subtype, 1)
    promised, there = size // align, held // align
    if promised > there:
        raise TruncatedAudio(
            f"the WAV is cut: it promises {promised} samples and holds {there}",
            "Send the whole file; if that is all there is, repair it: ffmpeg -i INPUT output.wav",
        )
    if not promised:
        raise EmptyAudio("the WAV has no samples", "Send a recording that is not empty")
    return Coded("WAV", buffer, start, start + promised * align, raw=raw)


def _is_unknown(size: int) -> bool:
    """What writers into a pipe leave, who cannot go back: 0, −1, or either end of the largest signed size."""
    return size == 0 or 0x7FFFF000 <= size <= 0x80000000 or 0xFFFFF000 <= size <= 0xFFFFFFFF or size == 2**64 - 1


def _is_whole(buffer: Buffer, order: str) -> bool:
    """The RIFF size was filled in afterwards, so a data size of 0 is meant."""
    size = struct.unpack(f"{order}I", buffer[4:8])[0]
    return bool(abs(size + 8 - len(buffer)) <= 1)
