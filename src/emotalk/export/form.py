"""In what form finished curves are wanted: how many frames a second, and which shapes."""

from dataclasses import dataclass

from emotalk.errors import InvalidRequest
from emotalk.export.resampling import resample
from emotalk.export.visemes import KINDS, shape_clip
from emotalk.face import FaceClip
from emotalk.timebase import RATES

HEADS = (".livelink.csv", ".glb", ".usda", ".mp4")
"""Kinds of files that have the 52 shapes or none."""


@dataclass(frozen=True)
class Form:
    """`fps`: one of RATES, or "" for the clip's own; `shapes`: one of KINDS. Raises InvalidRequest for others."""

    fps: str = ""
    shapes: str = KINDS[0]

    def __post_init__(self) -> None:
        for name, value, known in (("fps", self.fps or "30", tuple(RATES)), ("shapes", self.shapes, KINDS)):
            if value not in known:
                raise InvalidRequest(name, f"'{value[:40]}' is unknown", f"Use one of {', '.join(known)}")

    def check(self, suffix: str) -> None:
        """Raise InvalidRequest where a file of this kind cannot have these shapes."""
        if suffix in HEADS and self.shapes != KINDS[0]:
            raise InvalidRequest("shapes", f"{suffix} has the 52 ARKit shapes alone", "Use arkit, or .json or .csv")

    def of(self, clip: FaceClip) -> FaceClip:
        """A clip of 52 shapes in this form."""
        return shape_clip(resample(clip, RATES[self.fps]) if self.fps else clip, self.shapes)
