"""Frames of codecs that have no container to promise anything: how long does one say that it is?

MPEG  layers I to III, see mp3.py; here II
ADTS  0xFFF (12 bits), .. layer 0 (2), .. size (13 bits from bit 30 on)
AC-3  0x0B77, checksum (2), rate (2 bits), size (6)  | E-AC-3: 0x0B77, kind (2 bits), number (3), words less one (11)
"""

from collections.abc import Callable

from emotalk.audio.containers.base import Buffer
from emotalk.audio.containers.mp3 import read_header

_AC3_RATES = (48_000, 44_100, 32_000)
_AC3_KBITS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
_MP2_RATES = (44_100, 48_000, 32_000)
_MP2_KBITS_1 = (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384)
_MP2_KBITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_NEAR, _IN_A_ROW = 8_192, 4
_LAST_AC3 = 10
"""Versions of AC-3; higher ones are E-AC-3."""


def find_aac(buffer: Buffer, start: int) -> int | None:
    """Where soon after `start` an AAC stream begins: a recorder of a broadcast comes in within a frame."""
    near = buffer[start : start + _NEAR]
    found = near.find(b"\xff")
    while found >= 0:
        if are_frames(buffer, start + found, _measure_adts):
            return start + found
        found = near.find(b"\xff", found + 1)
    return None


def _measure_adts(packet: bytes) -> int:
    if len(packet) < 6 or packet[0] != 0xFF or packet[1] & 0xF6 != 0xF0:
        return 0
    return (int.from_bytes(packet[3:6], "big") >> 5) & 0x1FFF


def are_frames(buffer: Buffer, at: int, size_of: Callable[[bytes], int]) -> bool:
    """Do frames stand here one behind another? Two bytes are too few for a name; so many in a row are none by chance.

    `size_of`: by its first six bytes, see `measure_frame`.
    """
    for _ in range(_IN_A_ROW):
        if not (size := size_of(buffer[at : at + 6])):
            return False
        at += size
    return True


def measure_frame(packet: bytes) -> int:
    """Bytes of the frame that begins here, 0 where it does not say."""
    if len(packet) >= 6 and packet[:2] == b"\x0b\x77":
        return _measure_ac3(packet)
    if header := read_header(packet[:4]):
        return header.length
    return _measure_mp2(packet) or _measure_adts(packet)


def _measure_ac3(packet: bytes) -> int:
    if packet[5] >> 3 > _LAST_AC3:
        return 2 * (int.from_bytes(packet[2:4], "big") & 0x7FF) + 2
    rate, size = packet[4] >> 6, packet[4] & 0x3F
    if rate >= len(_AC3_RATES) or size >> 1 >= len(_AC3_KBITS):
        return 0
    words = _AC3_KBITS[size >> 1] * 96_000 // _AC3_RATES[rate]
    return 2 * (words + (size & 1 if _AC3_RATES[rate] == 44_100 else 0))


def _measure_mp2(packet: bytes) -> int:
    if len(packet) < 4 or packet[0] != 0xFF or packet[1] & 0xF6 not in (0xF4, 0xE4):
        return 0
    first = packet[1] & 0x08
    kbits, rate = packet[2] >> 4, packet[2] >> 2 & 3
    if kbits in (0, 15) or rate == len(_MP2_RATES):
        return 0
    hertz = _MP2_RATES[rate] >> (not first)
    return 144_000 * (_MP2_KBITS_1 if first else _MP2_KBITS_2)[kbits] // hertz + (packet[2] >> 1 & 1)
