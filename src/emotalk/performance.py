"""How one clip is to be performed: everything the answer depends on, besides the sound and the engine."""

from dataclasses import dataclass, field

from emotalk.chunking import Chunking
from emotalk.face import Style
from emotalk.shaping import Gains


@dataclass(frozen=True)
class Performance:
    """`seed` decides the blinks: the request id of a job, the digest of the audio for `animate`."""

    style: Style = field(default_factory=Style)
    chunking: Chunking = field(default_factory=Chunking)
    gains: Gains = field(default_factory=Gains)
    post_processing: bool = True
    seed: str = ""
