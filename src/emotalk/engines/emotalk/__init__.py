"""EmoTalk as an engine: our own network, which reads the checkpoint that the user brings."""

from emotalk.engines.emotalk.converted import convert, converted_path
from emotalk.engines.emotalk.engine import EmoTalkEngine, check
from emotalk.engines.emotalk.weights import find_weights

__all__ = ["EmoTalkEngine", "check", "convert", "converted_path", "find_weights"]
