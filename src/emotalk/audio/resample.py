"""Any rate → 16 kHz, block by block.

soxr: band-limited, linear phase and without delay, in one C library without dependencies; scipy's polyphase filter
would need the whole clip at once and a filter as long as the rates' common multiple.

Why so: docs/decisions/0012.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import soxr

from emotalk.face import Pcm
from emotalk.timebase import SAMPLE_RATE, resampled_length


class Resampler:
    """One sound on its way to 16 kHz, float32 mono, clipped to [-1, 1]; 16 kHz passes untouched.

    What comes out holds resampled_length(n, rate) samples in all, where n came in. soxr rounds to the nearest length
    instead of up: so the clip is followed by one more sample's worth of silence, and cut where it must end.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._stream = None
        if rate != SAMPLE_RATE:
            self._stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="VHQ")
        self._taken = self._given = 0

    def push(self, block: Pcm) -> Pcm:
        """The next block at the old rate → what is ready at 16 kHz."""
        if self._stream is None:
            return block
        self._taken += block.size
        out = self._stream.resample_chunk(block)
        self._given += out.size
        return _clamp(out)

    def finish(self) -> Pcm:
        """The rest."""
        if self._stream is None:
            return np.zeros(0, np.float32)
        silence = np.zeros(-(-self._rate // SAMPLE_RATE), np.float32)
        due = resampled_length(self._taken, self._rate) - self._given
        return _clamp(self._stream.resample_chunk(silence, last=True)[:due])


def _clamp(sound: Pcm) -> Pcm:
    return np.asarray(np.clip(sound, -1, 1), np.float32)


def resample(blocks: Iterable[Pcm], rate: int) -> Iterator[Pcm]:
    """Blocks at `rate` Hz → blocks at 16 kHz, none of them empty but what came so at 16 kHz; see Resampler."""
    resampler = Resampler(rate)
    for block in blocks:
        out = resampler.push(block)
        if out.size or rate == SAMPLE_RATE:
            yield out
    rest = resampler.finish()
    if rest.size:
        yield rest


class Recut:
    """Blocks of any length → blocks of `size` samples; the last one may be shorter."""

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"size: {size} samples make no block")
        self._size, self._held, self._count = size, list[Pcm](), 0

    def push(self, block: Pcm) -> list[Pcm]:
        """The whole blocks that are ready."""
        self._held.append(block)
        self._count += block.size
        if self._count < self._size:
            return []
        whole = np.concatenate(self._held)
        cut = self._count - self._count % self._size
        self._held, self._count = [whole[cut:]], self._count - cut
        return [whole[at : at + self._size] for at in range(0, cut, self._size)]

    def finish(self) -> list[Pcm]:
        """The rest, if there is one."""
        return [np.concatenate(self._held)] if self._count else []


def cut_blocks(blocks: Iterable[Pcm], size: int) -> Iterator[Pcm]:
    """Cut blocks of any length into blocks of `size` samples; see Recut."""
    cutting = Recut(size)
    for block in blocks:
        yield from cutting.push(block)
    yield from cutting.finish()
