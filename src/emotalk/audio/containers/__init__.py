"""The four containers that are understood, read more strictly than a decoder would.

Decoders forgive: a file cut in half is a shorter clip to them, a lost page is silence. Here the header is compared with
what the file holds before anything is decoded, so that nobody gets a face for half of what they said.
"""

from emotalk.audio.containers import flac, mp3, ogg, wav
from emotalk.audio.containers.base import Buffer, Coded
from emotalk.audio.containers.sniff import sniff
from emotalk.limits import Limits

__all__ = ["Buffer", "Coded", "locate"]


def locate(buffer: Buffer, limits: Limits) -> Coded:
    """Find the coded sound in a file. Raises AudioError; reads headers only, and decodes nothing."""
    kind, start = sniff(buffer)
    if kind == "WAV":
        return wav.locate(buffer)
    if kind == "FLAC":
        return flac.locate(buffer, start, limits)
    if kind == "OGG":
        return ogg.locate(buffer)
    return mp3.locate(buffer, start, limits)
