"""EmoTalk as an engine: our own network, which reads the checkpoint that the user brings."""

from emotalk.engines.emotalk.engine import EmoTalkEngine, check

__all__ = ["EmoTalkEngine", "check"]
