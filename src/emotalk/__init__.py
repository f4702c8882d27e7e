"""EmoTalk API: speech audio in, a moving face out.

The public handful; each is imported when it is first asked for, so that `import emotalk` costs nothing.
"""

from importlib import import_module

# Not from typing: for `python -m emotalk`, Python would look for it in the working folder first.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from emotalk.chunking import Chunking
    from emotalk.client import AsyncEmoTalkClient, Chunk, Credentials, EmoTalkClient, Request
    from emotalk.errors import EmoTalkError
    from emotalk.face import ARKIT_NAMES, FaceClip, Style
    from emotalk.performance import Performance
    from emotalk.pipeline import Pipeline
    from emotalk.shaping import Gains

_HOMES = {
    "ARKIT_NAMES": "emotalk.face",
    "AsyncEmoTalkClient": "emotalk.client",
    "Chunk": "emotalk.client",
    "Chunking": "emotalk.chunking",
    "Credentials": "emotalk.client",
    "EmoTalkClient": "emotalk.client",
    "EmoTalkError": "emotalk.errors",
    "FaceClip": "emotalk.face",
    "Gains": "emotalk.shaping",
    "Performance": "emotalk.performance",
    "Pipeline": "emotalk.pipeline",
    "Request": "emotalk.client",
    "Style": "emotalk.face",
    "Take": "emotalk.pipeline",  # until 0.2: Performance
}

__all__ = [
    "ARKIT_NAMES",
    "AsyncEmoTalkClient",
    "Chunk",
    "Chunking",
    "Credentials",
    "EmoTalkClient",
    "EmoTalkError",
    "FaceClip",
    "Gains",
    "Performance",
    "Pipeline",
    "Request",
    "Style",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'emotalk' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
