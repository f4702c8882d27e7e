"""Who listens to a stream in a test."""

from emotalk.errors import EmoTalkError
from emotalk.live.conversation import LiveChunk


class Kept:
    """Keeps what is drawn, and how it ended."""

    def __init__(self) -> None:
        self.chunks: list[LiveChunk] = []
        self.ended, self.is_blocked = False, False
        self.error: EmoTalkError | None = None

    def hear(self, chunk: LiveChunk) -> None:
        self.chunks.append(chunk)

    def end(self, error: EmoTalkError | None) -> None:
        self.ended, self.error = True, error
