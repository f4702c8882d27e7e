"""What its sender says of a file of sound."""

from dataclasses import dataclass
from functools import cached_property

from emotalk.audio.containers import RawPcm
from emotalk.audio.raw import parse_raw


@dataclass(frozen=True)
class Sent:
    """`audio_format`: of samples without a header, e.g. "pcm16le:16000"; else empty.

    `lenient`: a damaged file may be heard as far as it goes.
    """

    audio_format: str = ""
    lenient: bool = False

    @cached_property
    def raw(self) -> RawPcm | None:
        """The format, understood. Raises InvalidRequest, UnsupportedAudio."""
        return parse_raw(self.audio_format) if self.audio_format else None


AS_IT_IS = Sent()
