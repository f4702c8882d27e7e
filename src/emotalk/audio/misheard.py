"""Is live sound what its sender says? The first half second tells most mistakes.

A file's bytes begin with a name. Samples of another width, order or number of channels have a period of two where true
sound has none: every second sample is noise, or its neighbour's twin.
"""

import io

import numpy as np
import soundfile
from numpy.typing import NDArray

from emotalk.audio.containers import sniff
from emotalk.audio.containers.packets import are_frames, measure_frame
from emotalk.errors import InvalidRequest, NotAudio

_Values = NDArray[np.float64]

_NAME_BYTES = 8_192
_TEXT_BYTES = 256
_AC3 = b"\x0b\x77"
_TEXT = frozenset(b"\t\r\n" + bytes(range(32, 127)))
_PIECE = 8_000
"""Samples that are judged at once: half a second at 16 kHz."""
_JUDGED, _MOST = 6, 60
"""So many pieces with sound, and so many in all: who has been silent for so long is not judged any more."""
_QUIET = 1e-3
_ENOUGH = 1_000
"""Samples other than 0 that are needed to tell."""
_ROUGH = 1.2
"""Noise differs from sample to sample by twice its own power; speech by a hundredth, at any rate from 8 kHz on."""
_SMOOTH = 0.5
_SHARE = 0.95
_TWINS = 0.25
_LEAST_TEXT = 16
"""Fewer bytes may well be samples: of two, one pair in seven is letters."""
_NARROW = {"PCM_U8": "unsigned", "ULAW": "mu-law", "ALAW": "A-law"}
_LOUD, _SMOOTHEST = 0.3, 0.1
_OVERSHOOT, _OFTEN = 16.0, 0.1
"""True floats go beyond full scale, but not so far and so often."""
_FRAME = 512
_TWICE = 2
_STANDS_OUT, _MIRRORED = 10.0, 0.15


class FirstSound:
    """Hears the beginning of a stream, and refuses what is not `encoding` ("pcm16" or "float32"), mono."""

    def __init__(self, encoding: str) -> None:
        self._judge, self._width = (_judge_pcm16, 2) if encoding == "pcm16" else (_judge_float32, 4)
        self._beginning, self._piece = b"", b""
        self._named, self._judged, self._pieces, self._mirrored = False, 0, 0, 0

    def hear(self, audio: bytes) -> None:
        """The next bytes. Raises InvalidRequest that says what they are."""
        if not self._named:
            self._beginning += audio[:_NAME_BYTES]
            if len(self._beginning) >= _NAME_BYTES:
                self.end()
        if self._judged < _JUDGED and self._pieces < _MOST:
            self._piece += audio
            self._judge_pieces()

    def end(self) -> None:
        """No more comes, or enough for a name has come. Raises InvalidRequest."""
        if not self._named and self._beginning:
            self._named = True
            _refuse_text(self._beginning)
            refuse_file(self._beginning)

    def _judge_pieces(self) -> None:
        size = _PIECE * self._width
        while len(self._piece) >= size and self._judged < _JUDGED:
            self._judged += self._suspect(self._piece[:size])
            self._piece, self._pieces = self._piece[size:], self._pieces + 1

    def _suspect(self, piece: bytes) -> bool:
        """Was there enough sound in this piece to judge it?"""
        samples = self._judge(piece)
        if samples is None:
            return False
        self._mirrored += _is_mirrored(samples)
        if _is_two(samples) or self._mirrored == _TWICE:
            raise _make_error("these are two channels, interleaved, sent as one", "Send one channel")
        return True


def _refuse_text(beginning: bytes) -> None:
    if len(beginning) >= _LEAST_TEXT and set(beginning[:_TEXT_BYTES]) <= _TEXT:
        raise _make_error(
            f"this is text, which begins with {beginning[:40].decode()!r}, not samples", "Send raw samples"
        )


def refuse_file(beginning: bytes) -> None:
    """Raise InvalidRequest where a file begins here, and no samples."""
    try:
        kind, start, _ = sniff(beginning[:_NAME_BYTES])
    except NotAudio:
        return
    by_two_bytes = not start and (kind in ("MP3", "MP2 stream", "AAC stream", "AC-3 stream") or kind.startswith("MPEG"))
    if not by_two_bytes or _begins_with_frames(beginning):
        raise _make_error(
            f"these are the bytes of a file ({kind}), not samples",
            "Send it as a file (ProcessAudio, POST /v1/animations), or decode it and send its samples",
        )


def _begins_with_frames(beginning: bytes) -> bool:
    at = 0 if beginning.startswith(_AC3) else max(beginning.find(b"\xff"), 0)
    return are_frames(beginning, at, measure_frame)


def _judge_pcm16(data: bytes) -> _Values | None:
    """A piece → samples, None where it is too quiet to tell. Raises InvalidRequest."""
    samples = np.frombuffer(data, "<i2").astype(np.float64) / 2**15
    if _power(samples) < _QUIET**2:
        return None
    if _share_of_floats(np.frombuffer(data, "<f4")) > _SHARE:
        raise _make_error("these are floats of 32 bits, sent as pcm16", "Say encoding float32")
    if _roughness(samples) > _ROUGH and _roughness(np.frombuffer(data, ">i2").astype(np.float64)) < _SMOOTH:
        raise _make_error("these are big-endian samples", "Send little-endian samples")
    if narrow := _name_8_bits(data, samples):
        raise _make_error(f"these are samples of 8 bits ({narrow}), sent as pcm16", "Send samples of 16 bits")
    if np.count_nonzero(samples) < _ENOUGH:
        return None
    low, high = samples.reshape(-1, 2).T
    if not low.any() and _roughness(high) < _SMOOTH:
        raise _make_error("these are integers of 32 bits, or two channels, interleaved", "Send one channel of 16 bits")
    if _roughness(low) > _ROUGH and _roughness(high) < _SMOOTH:
        raise _make_error("these are integers of 32 bits, sent as pcm16", "Send samples of 16 bits")
    if _roughness(samples) > _ROUGH and _roughness(_read_24_bits(data)) < _SMOOTH:
        raise _make_error("these are integers of 24 bits, sent as pcm16", "Send samples of 16 bits")
    return samples


def _name_8_bits(data: bytes, samples: _Values) -> str:
    """What samples of a byte each make of it, where these are half as rough: two of them are a loud and rough one."""
    rough = _roughness(samples)
    if _power(samples) < _LOUD**2 or rough < _SMOOTHEST:
        return ""
    found = {name: _roughness(_read_bytes(data, kind)) for kind, name in _NARROW.items()}
    best = min(found, key=lambda name: found[name])
    return best if 2 * found[best] < rough and found[best] < _SMOOTH else ""


def _read_bytes(data: bytes, kind: str) -> _Values:
    values, _ = soundfile.read(io.BytesIO(data), format="RAW", subtype=kind, samplerate=8_000, channels=1)
    centred: _Values = values - values.mean()
    return centred


def _read_24_bits(data: bytes) -> _Values:
    octets = np.frombuffer(data[: len(data) // 3 * 3], np.uint8).reshape(-1, 3)
    whole = np.zeros((len(octets), 4), np.uint8)
    whole[:, 1:] = octets
    return whole.view("<i4")[:, 0].astype(np.float64)


def _judge_float32(data: bytes) -> _Values | None:
    with np.errstate(invalid="ignore"):
        samples = np.frombuffer(data, "<f4")
        if not samples.any():
            return None
        if _share_of_nonsense(samples) > 1 - _SHARE:
            if _share_of_floats(np.frombuffer(data, ">f4")) > _SHARE:
                raise _make_error("these are big-endian floats", "Send little-endian samples")
            raise _make_error("these are not floats of 32 bits in -1..1", "Say encoding pcm16 if they have 16 bits")
        values = samples.astype(np.float64)
        if (np.abs(values) > _OVERSHOOT).mean() > _OFTEN:
            raise _make_error("these floats are whole numbers of 16 bits or more", "Divide them by 32768")
    if _power(values) < _QUIET**2 or np.count_nonzero(values) < _ENOUGH:
        return None
    return values


def _is_two(samples: _Values) -> bool:
    """Left and right in turn, where one is silent or neighbours are twins."""
    left, right = samples.reshape(-1, 2).T
    within, across = _power(right - left), _power(left[1:] - right[:-1])
    return not right.any() or min(within, across) < _TWINS * max(within, across)


def _is_mirrored(samples: _Values) -> bool:
    """What two channels differ in stands mirrored below half of the rate.

    Is there as much at the top of the spectrum as at its bottom, at the same time, and little between them?
    """
    frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME) * np.hanning(_FRAME)
    power = np.abs(np.fft.rfft(frames)) ** 2
    eighth = _FRAME // 16
    low, high = power[:, 1 : eighth + 1].mean(1), power[:, -eighth - 1 : -1].mean(1)
    both, between = np.minimum(low, high), power[:, 3 * eighth : 5 * eighth].mean(1)
    return bool(both[both > _STANDS_OUT * between].sum() > _MIRRORED * power[:, 1:-1].mean(1).sum())


def _share_of_floats(values: NDArray[np.float32]) -> float:
    """How many look like sound at -1..1; what is 0 says nothing."""
    with np.errstate(invalid="ignore"):
        size = np.abs(values[values != 0])
        return float(((size > 1e-7) & (size < 4)).mean()) if size.size else 0.0


def _share_of_nonsense(values: NDArray[np.float32]) -> float:
    """How many are not sound at any level: too large, or smaller than any arithmetic leaves behind."""
    size = np.abs(values[values != 0])
    return float((~((size > 1e-25) & (size < 1e6))).mean())


def _power(values: _Values) -> float:
    return float(values @ values / max(len(values), 1))


def _roughness(values: _Values) -> float:
    """The power of the steps from sample to sample over that of the samples."""
    return _power(np.diff(values)) / max(_power(values), 1e-30)


def _make_error(problem: str, fix: str) -> InvalidRequest:
    return InvalidRequest("audio", problem, fix)
