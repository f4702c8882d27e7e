"""A speaker's sound between its arrival and the engine: as it came → float32 at 16 kHz, as much as is asked for.

It is converted when it is taken, so that a flood costs memory alone. Where it is cut depends on the blocks as they
came, never on when they are taken: a resampler's bytes depend on the blocks that it sees.
"""

from collections import deque
from collections.abc import Callable

import numpy as np

from emotalk import metrics
from emotalk.audio.misheard import FirstSound
from emotalk.audio.resample import Recut, Resampler
from emotalk.audio.source import BLOCK
from emotalk.errors import InvalidRequest
from emotalk.face import Pcm
from emotalk.feelings import EmotionKey
from emotalk.live.conversation import Opening, SoundBlock, samples_of

_PIECE_SECONDS = 1
"""What is converted at once of a block, however long it is."""

Feel = Callable[[tuple[EmotionKey, ...]], None]


class WaitingSound:
    """The sound of one stream that is not drawn yet.

    A block may bring key frames of feelings: `feel` gets them once all the sound before that block is taken.
    """

    def __init__(self, opening: Opening, max_seconds: float, feel: Feel) -> None:
        self._opening, self._max_seconds, self._feel = opening, max_seconds, feel
        self._first, self._resampler = FirstSound(opening.encoding), Resampler(opening.sample_rate)
        # A clip's blocks are those of a file.
        self._recut = Recut(BLOCK) if opening.as_clip else None
        self._piece = _PIECE_SECONDS * opening.bytes_per_second
        self._blocks: deque[SoundBlock] = deque()
        self._at = self._bytes = self._samples = 0
        self._ready: deque[Pcm] = deque()
        self._ended = self._flushed = False

    @property
    def seconds(self) -> float:
        """How much waits, as it came."""
        return self._bytes / self._opening.bytes_per_second

    @property
    def is_waiting(self) -> bool:
        """Is there something to take, be it the end?"""
        return bool(self._ready or self._blocks or self._ended)

    @property
    def is_over(self) -> bool:
        """Has the end come, and has all been taken?"""
        return self._flushed and not self._ready

    def add(self, block: SoundBlock) -> None:
        """The next one."""
        self._blocks.append(block)
        self._bytes += len(block.audio)

    def end(self) -> None:
        """No more comes."""
        self._ended = True

    def take(self, most: int) -> Pcm:
        """Up to `most` samples; none where a resampler keeps them, or at the end. Raises InvalidRequest.

        Small blocks are taken together: each push to an engine costs the others who speak their time.
        """
        taken: list[Pcm] = []
        room = most
        while room and len(piece := self._take_next(room, is_first=not taken)):
            taken.append(piece)
            room -= len(piece)
        return np.concatenate(taken) if taken else np.zeros(0, np.float32)

    def _take_next(self, most: int, is_first: bool) -> Pcm:
        """Up to `most` samples of one block; none where the next block brings feelings and `take` has some already."""
        while not self._ready and (self._blocks or (self._ended and not self._flushed)):
            if not is_first and self._blocks and not self._at and self._blocks[0].emotions is not None:
                break
            self._ready.extend(each for each in (self._convert() if self._blocks else self._flush()) if len(each))
        if not self._ready:
            return np.zeros(0, np.float32)
        first = self._ready.popleft()
        if len(first) > most:
            self._ready.appendleft(first[most:])
        return first[:most]

    def _convert(self) -> list[Pcm]:
        block, start = self._blocks[0], self._at
        if not start and block.emotions is not None:
            self._feel(block.emotions)
        piece = block.audio[start : start + self._piece]
        self._at, self._bytes = start + len(piece), self._bytes - len(piece)
        if self._at >= len(block.audio):
            self._blocks.popleft()
            self._at = 0
        return self._resample(self._hear(piece))

    def _hear(self, piece: bytes) -> list[Pcm]:
        self._first.hear(piece)
        pcm = samples_of(SoundBlock(piece), self._opening.encoding)
        self._samples += len(pcm)
        metrics.LIVE_SECONDS.inc(len(pcm) / self._opening.sample_rate)
        if self._samples > self._max_seconds * self._opening.sample_rate:
            fix = "Open a new stream, or start the server with a larger --max-seconds"
            raise InvalidRequest("audio", f"more than {self._max_seconds:g} s were spoken", fix)
        return self._recut.push(pcm) if self._recut else [pcm]

    def _flush(self) -> list[Pcm]:
        self._flushed = True
        self._first.end()
        rest = self._resample(self._recut.finish() if self._recut else [])
        return [*rest, self._resampler.finish()]

    def _resample(self, blocks: list[Pcm]) -> list[Pcm]:
        return [self._resampler.push(block) for block in blocks]
