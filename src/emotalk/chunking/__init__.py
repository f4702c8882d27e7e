"""Windows, their seams, and the chunks of an answer."""

from emotalk.chunking.cut import Cut, Uncut
from emotalk.chunking.windowed import NEAR_LATENCY, Windowed, latency_of, open_live, open_session
from emotalk.chunking.windows import DEFAULT_DURATION, DEFAULT_OVERLAP, Chunking

__all__ = [
    "DEFAULT_DURATION",
    "DEFAULT_OVERLAP",
    "NEAR_LATENCY",
    "Chunking",
    "Cut",
    "Uncut",
    "Windowed",
    "latency_of",
    "open_live",
    "open_session",
]
