"""MPEG transport streams: is every packet of the sound there, and is it the same sound to the end?

packet  0x47, [error, begins, priority, PID (13 bits)], [scrambled (2), adapted, filled, count (4)]  | 188 bytes in all
PAT     PID 0: programmes, each with the PID of its PMT     | PMT: kinds and PIDs of its streams
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emotalk.audio.containers.base import Buffer

_SHAPES = (188, 0), (192, 4), (204, 0)
"""Bytes of a packet, and where in it its 0x47 stands: of television, of camcorders, and with what corrects errors."""
_SYNC, _IN_A_ROW = b"G", 4
_SOUND = (0x03, 0x04, 0x0F, 0x11, 0x1C, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x8A)
_PRIVATE, _REGISTERED = 0x06, (b"Opus", b"AC-3", b"BSSD")
_DESCRIBED = (b"\x6a", b"\x7a", b"\x7b", b"\x7c")
"""AC-3, E-AC-3, DTS and AAC in Europe's television."""
_CLOCK, _LONGEST_HOLE = 90_000, 10.0

Octets = NDArray[np.uint8]


def find_packets(buffer: Buffer, start: int) -> tuple[int, int] | None:
    """Bytes of a packet and where in it its mark stands; None where no transport stream begins at `start`."""
    for size, at in _SHAPES:
        marks = (start + k * size + at for k in range(_IN_A_ROW))
        if all(buffer[mark : mark + 1] == _SYNC for mark in marks):
            return size, at
    return None


@dataclass(frozen=True)
class TransportStream:
    """Its packets, uint8 [n, 188], and the PID of each [n]."""

    packets: Octets
    pids: NDArray[np.int64]

    @classmethod
    def of(cls, buffer: Buffer, start: int) -> "TransportStream":
        """All whole packets from `start` on."""
        size, at = find_packets(buffer, start) or _SHAPES[0]
        octets = np.frombuffer(buffer, np.uint8, offset=start)
        packets = octets[: len(octets) // size * size].reshape(-1, size)[:, at : at + _SHAPES[0][0]]
        return cls(packets, (packets[:, 1].astype(np.int64) & 0x1F) << 8 | packets[:, 2])

    def late_sound(self) -> set[int]:
        """The PIDs of sound that a later table names and the first ones do not."""
        return self._find_sound(None) - self._find_sound(1)

    def _find_sound(self, most: int | None) -> set[int]:
        """Of the first so many tables of each kind, or of all."""
        tables = {pid for section in self._gather_sections(0)[:most] for pid in _read_programmes(section)}
        return {
            pid for table in tables for section in self._gather_sections(table)[:most] for pid in _read_sounds(section)
        }

    def hole(self, pid: int) -> float | None:
        """Seconds from the first time to the first lost packet of this stream; None where all are there.

        Where time goes back, or far ahead, another recording was put behind the first: nothing is lost there.
        """
        rows = self.packets[(self.pids == pid) & (self.packets[:, 3] & 0x10 > 0)]
        steps = np.diff(rows[:, 3].astype(np.int64) & 15) & 15
        told = (rows[1:, 3] & 0x20 > 0) & (rows[1:, 4] > 0) & (rows[1:, 5] & 0x80 > 0)
        losses = np.flatnonzero((steps > 1) & ~told)
        if not losses.size:
            return None
        times = _read_times(rows)
        for lost in losses:
            before, after = times[: lost + 1], times[lost + 1 :]
            before, after = before[before >= 0], after[after >= 0]
            if before.size and after.size and 0 < after[0] - before[-1] < _LONGEST_HOLE:
                return float(before[-1] - before[0])
        return None

    def _gather_sections(self, pid: int) -> list[bytes]:
        rows = self.packets[(self.pids == pid) & (self.packets[:, 1] & 0x40 > 0)]
        different = dict.fromkeys(_read_payload(row.tobytes()) for row in rows)
        return [payload[1 + payload[0] :] for payload in different if payload]


def _read_payload(packet: bytes) -> bytes:
    if not packet[3] & 0x10:
        return b""
    return packet[5 + packet[4] if packet[3] & 0x20 else 4 :]


def _read_programmes(section: bytes) -> Iterator[int]:
    """PIDs of the tables of programmes, out of a PAT."""
    stop = 3 + (int.from_bytes(section[1:3], "big") & 0xFFF) - 4
    for at in range(8, min(stop, len(section) - 3), 4):
        if any(section[at : at + 2]):
            yield int.from_bytes(section[at + 2 : at + 4], "big") & 0x1FFF


def _read_sounds(section: bytes) -> Iterator[int]:
    """PIDs of sound, out of a PMT."""
    if section[:1] != b"\2":
        return
    stop = min(3 + (int.from_bytes(section[1:3], "big") & 0xFFF) - 4, len(section) - 4)
    at = 12 + (int.from_bytes(section[10:12], "big") & 0xFFF)
    while at < stop:
        size = int.from_bytes(section[at + 3 : at + 5], "big") & 0xFFF
        if _is_sound(section[at], section[at + 5 : at + 5 + size]):
            yield int.from_bytes(section[at + 1 : at + 3], "big") & 0x1FFF
        at += 5 + size


def _is_sound(kind: int, descriptors: bytes) -> bool:
    if kind != _PRIVATE:
        return kind in _SOUND
    return descriptors[:1] in _DESCRIBED or any(name in descriptors for name in _REGISTERED)


def _read_times(rows: Octets) -> NDArray[np.float64]:
    """Seconds at which the packet of sound that begins in each row is due; -1 where none begins."""
    times = np.full(len(rows), -1.0)
    for index in np.flatnonzero(rows[:, 1] & 0x40):
        pes = _read_payload(rows[index].tobytes())
        if pes[:3] == b"\0\0\1" and len(pes) > 13 and pes[7] & 0x80:
            first, second, third = pes[9], int.from_bytes(pes[10:12], "big"), int.from_bytes(pes[12:14], "big")
            times[index] = ((first >> 1 & 7) << 30 | second >> 1 << 15 | third >> 1) / _CLOCK
    return times
