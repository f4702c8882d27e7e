"""Decoding apart from the server: what a stranger's bytes do to a decoder written in C, they do to a child process.

Why so: docs/decisions/0021.
"""

from emotalk.audio.apart.fence import Fence
from emotalk.audio.apart.pool import Decoders

__all__ = ["Decoders", "Fence"]
