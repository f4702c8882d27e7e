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


def resample(blocks: Iterable[Pcm], rate: int) -> Iterator[Pcm]:
    """Resample mono float32 blocks at `rate` Hz to 16 kHz, clipped to [-1, 1]; 16 kHz passes untouched.

    The blocks that come out hold resampled_length(n, rate) samples in all, where n came in. soxr rounds to the nearest
    length instead of up: so the clip is followed by one more sample's worth of silence, and cut where it must end.
    """
    if rate == SAMPLE_RATE:
        yield from blocks
        return
    stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="VHQ")
    taken = given = 0
    for block in blocks:
        taken += block.size
        out = stream.resample_chunk(block)
        given += out.size
        if out.size:
            yield np.clip(out, -1, 1)
    silence = np.zeros(-(-rate // SAMPLE_RATE), np.float32)
    rest = stream.resample_chunk(silence, last=True)[: resampled_length(taken, rate) - given]
    if rest.size:
        yield np.clip(rest, -1, 1)


def recut(blocks: Iterable[Pcm], size: int) -> Iterator[Pcm]:
    """Cut blocks of any length into blocks of `size` samples (the last one may be shorter)."""
    if size < 1:
        raise ValueError(f"size: {size} samples make no block")
    held: list[Pcm] = []
    count = 0
    for block in blocks:
        held.append(block)
        count += block.size
        if count >= size:
            whole = np.concatenate(held)
            cut = count - count % size
            yield from (whole[at : at + size] for at in range(0, cut, size))
            held, count = [whole[cut:]], count - cut
    if count:
        yield np.concatenate(held)
