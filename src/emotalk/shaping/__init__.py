"""From the engine's raw frames to a face that can be shown."""

from emotalk.shaping.adjust import Adjusted, Adjustment
from emotalk.shaping.chain import Raw, Shaping, lay_lids
from emotalk.shaping.limits import Gains

__all__ = ["Adjusted", "Adjustment", "Gains", "Raw", "Shaping", "lay_lids"]
