"""Windows, their seams, and the chunks of an answer."""

from emotalk.chunking.cut import Cut, Uncut
from emotalk.chunking.windowed import Windowed, open_live, open_session
from emotalk.chunking.windows import DEFAULT_DURATION, DEFAULT_OVERLAP, Chunking

__all__ = ["DEFAULT_DURATION", "DEFAULT_OVERLAP", "Chunking", "Cut", "Uncut", "Windowed", "open_live", "open_session"]
