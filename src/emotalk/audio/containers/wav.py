"""WAV: RIFF, RIFX, RF64 and BW64 with PCM, float, A-law or mu-law samples, plain or WAVE_FORMAT_EXTENSIBLE.

Only the chunk of samples is handed to the decoder, as headerless PCM: libsndfile takes a data size of 0, which every
writer into a pipe leaves behind, for an empty clip. Samples in packets (ADPCM, GSM) go to libsndfile with their
header, and all other codecs in a WAV to PyAV.
"""

import struct
from collections.abc import Iterator

from emotalk.audio.containers.base import WIDTHS, Buffer, Coded, RawPcm
from emotalk.audio.containers.tags import refuse_rest
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
_PACKETS = {0x0002: "MS ADPCM", 0x0011: "IMA ADPCM", 0x0031: "GSM 6.10"}
_OTHERS = {0x0050: "MP2", 0x0055: "MP3", 0x00FF: "AAC", 0x0161: "WMA", 0x2000: "AC-3", 0x028F: "G.722", 0x0045: "G.726"}
_HEADER_BYTES = 44
"""Writers that count their header as samples promise so many bytes too much; a file cut by so few is whole."""
_EXTENSIBLE = 0xFFFE
_PLAIN = (*{tag for tag, _ in _SUBTYPES}, _EXTENSIBLE)
_LAWS = (6, 7)
"""A byte a sample, though some writers say that it has as many bits as it had before."""
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
_MAX_CHUNKS = 1_000
_JOINED = (b"RIFF", b"RIFX", b"RF64", b"BW64", b"OggS", b"fLaC", b"FORM", b"data")


def locate(buffer: Buffer) -> Coded:
    """Find the samples of a WAV. Raises NotAudio, TruncatedAudio, UnsupportedAudio, EmptyAudio."""
    order = ">" if buffer[:4] == b"RIFX" else "<"
    fmt, long_size, fact = b"", None, 0
    for name, start, size in _walk_chunks(buffer, order):
        if name == b"ds64" and start + 16 <= len(buffer):
            long_size = int(struct.unpack_from("<Q", buffer[start : start + 16], 8)[0])
        elif name == b"fmt ":
            fmt = buffer[start : start + min(size, 40)]
        elif name == b"fact" and size >= 4 and start + 4 <= len(buffer):
            fact = struct.unpack(f"{order}I", buffer[start : start + 4])[0]
        elif name == b"data" and not fmt:
            raise NotAudio("the WAV does not say what its samples are (no fmt chunk before the data)", CONVERT)
        elif name == b"data":
            promised = size if long_size is None or size < 2**32 - 1 else long_size
            return _locate(buffer, order, fmt, fact, start, _count_held(buffer, order, start, promised))
    raise TruncatedAudio("the WAV ends before its data chunk", "Send the whole file")


def _locate(buffer: Buffer, order: str, fmt: bytes, fact: int, start: int, size: int) -> Coded:
    if (raw := read_plain(fmt, order)) is None:
        tag = _read_tag(fmt, order)
        _check_promise(len(buffer) - start, size, "bytes")
        if tag in _PACKETS:
            return Coded(f"{_PACKETS[tag]} in WAV", buffer, 0, len(buffer), most=fact)
        return Coded(f"{_OTHERS.get(tag, f'codec {tag:#06x}')} in WAV", buffer, 0, len(buffer), demuxer="wav")
    return _locate_samples(buffer, raw, start, size)


def read_plain(fmt: bytes, order: str = "<") -> RawPcm | None:
    """What a fmt chunk says of samples as they are; None where they are in packets. Raises AudioError."""
    return _read_format(fmt, order) if _read_tag(fmt, order) in (0, *_PLAIN) else None


def _read_tag(fmt: bytes, order: str) -> int:
    return int(struct.unpack(f"{order}H", fmt[:2])[0]) if len(fmt) >= 16 else 0


def count_frame_bytes(raw: RawPcm) -> int:
    """Bytes of one sample of every channel."""
    return raw.channels * WIDTHS[raw.subtype]


def _walk_chunks(buffer: Buffer, order: str) -> Iterator[tuple[bytes, int, int]]:
    at = 12
    for _ in range(_MAX_CHUNKS):
        if at + 8 > len(buffer):
            return
        name, size = struct.unpack(f"{order}4sI", buffer[at : at + 8])
        yield name, at + 8, size
        at = _find_next(buffer, at + 8, size)


def _find_next(buffer: Buffer, start: int, size: int) -> int:
    """Where the next chunk begins; behind one of an odd size some writers forget the byte that makes it even."""
    stop = start + size
    forgotten = size % 2 and is_name(buffer[stop : stop + 4]) and not is_name(buffer[stop + 1 : stop + 5])
    return stop if forgotten else stop + size % 2


def is_name(four: bytes) -> bool:
    return len(four) == 4 and all(32 <= byte < 127 for byte in four)


def _read_format(chunk: bytes, order: str) -> RawPcm:
    if len(chunk) < 16:
        raise TruncatedAudio("the WAV's fmt chunk is too short", "Send the whole file, or write it again")
    tag, channels, rate, _, align, bits = struct.unpack(f"{order}HHIIHH", chunk[:16])
    if tag == _EXTENSIBLE and chunk[26:40] == _GUID_TAIL:
        tag = struct.unpack(f"{order}H", chunk[24:26])[0]
    width = 1 if tag in _LAWS else -(-bits // 8)
    width += width == 3 and align == 4 * channels  # 24 bits in room for 32
    subtype = _SUBTYPES.get((tag, 8 * width))
    if subtype is None or not channels or align not in (channels * width, 0):  # 0: not filled in
        raise UnsupportedAudio(
            f"the WAV holds {bits}-bit samples of format {tag:#06x} in {align} bytes a frame; "
            "only PCM of 8 to 32 bits, float of 32 or 64 bits, A-law and mu-law are read",
            CONVERT,
        )
    return RawPcm(rate, channels, subtype, "BIG" if order == ">" else "LITTLE")


def _count_held(buffer: Buffer, order: str, start: int, size: int) -> int:
    """The bytes of samples: as promised, or up to the end of the file where the writer did not know."""
    held = len(buffer) - start
    if size == 0:
        unknown = not (_is_whole(buffer, order) and (held == 0 or is_name(buffer[start : start + 4])))
    else:
        unknown = size > held and _is_unknown(size)
    if unknown:
        return held
    if size < held:
        _refuse_hidden(buffer, start, size)
    return size


def _locate_samples(buffer: Buffer, raw: RawPcm, start: int, size: int) -> Coded:
    align = count_frame_bytes(raw)
    there = (len(buffer) - start) // align
    missing = size - (len(buffer) - start)
    if missing > max(_HEADER_BYTES, align):
        _check_promise(there, size // align, "samples")
    samples = min(size // align, there)
    if not samples:
        raise EmptyAudio("the WAV has no samples", "Send a recording that is not empty")
    return Coded("WAV", buffer, start, start + samples * align, raw=raw)


def _check_promise(there: int, promised: int, what: str) -> None:
    if promised > there:
        raise TruncatedAudio(
            f"the WAV is cut: it promises {promised} {what} and holds {there}",
            "Send the whole file; if that is all there is, repair it: ffmpeg -i INPUT output.wav",
        )


def _refuse_hidden(buffer: Buffer, start: int, size: int) -> None:
    """Behind the samples lie chunks, tags or padding: else their size is wrong, or a second file follows."""
    at, stop = _find_next(buffer, start, size), len(buffer)
    while at + 8 <= stop and is_name(name := buffer[at : at + 4]) and name not in _JOINED:
        at = _find_next(buffer, at + 8, int.from_bytes(buffer[at + 4 : at + 8], "little"))
    if at < stop:
        refuse_rest(buffer, at, f"WAV with {size} bytes of data")


def _is_unknown(size: int) -> bool:
    """What writers into a pipe leave, who cannot go back: either end of the largest size, signed or not."""
    return 0x7FFF0000 <= size <= 0x80000000 or 0xFFFF0000 <= size <= 0xFFFFFFFF or size == 2**64 - 1


def _is_whole(buffer: Buffer, order: str) -> bool:
    """The RIFF size was filled in afterwards."""
    size = struct.unpack(f"{order}I", buffer[4:8])[0]
    return bool(abs(size + 8 - len(buffer)) <= 1)
