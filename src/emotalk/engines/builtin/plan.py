"""How sound is cut into windows: everything follows from three numbers. (Most live streams are not cut: stream.py.)

Block k of a clip is the rows k · hop … (k + 1) · hop - 1, a row every 20 ms. It is drawn from one window of the sound
and from nothing else, so that any way of pushing the samples gives the same bytes:

    ├──── past ────┼── hop ──┼─ ahead ─┤
                    the block

A block leaves when its look-ahead has been heard: its first frame then is hop + ahead old, and no frame waits longer.

Why so: docs/decisions/0025 and docs/decisions/0055.
"""

from dataclasses import dataclass

ROW_SAMPLES = 320
ROW_RATE = 50
ROWS_PER_STEP, FRAMES_PER_STEP = 5, 3
"""0.1 s is five rows and three frames; every hop is a multiple of it."""


@dataclass(frozen=True)
class Plan:
    """Rows before the block, of it, after it; and how many chunks of 32 ms the gate judges at once.

    `foresight`: how many frames after a block are looked at for a phone to part the lips for; `certain`: of how many of
    these the gate must have judged. Where it has not, the gate counts as it stands at the end of the block.
    """

    past: int
    hop: int
    ahead: int
    chunks: int
    foresight: int
    certain: int

    @property
    def hop_frames(self) -> int:
        """Frames of a block."""
        return self.hop // ROWS_PER_STEP * FRAMES_PER_STEP

    def window(self, block: int) -> tuple[int, int]:
        """Samples (start, stop) that a block is drawn from; a start before the clip is below 0."""
        first = block * self.hop
        return (first - self.past) * ROW_SAMPLES, (first + self.hop + self.ahead) * ROW_SAMPLES


CLIP = Plan(past=25, hop=60, ahead=20, chunks=7, foresight=11, certain=2)
"""A frame leaves 0.4 to 1.6 s after its sound."""
NEAR = Plan(past=100, hop=15, ahead=10, chunks=2, foresight=5, certain=0)
"""0.2 to 0.5 s, for a live stream that may wait so long: five times as much is heard."""
