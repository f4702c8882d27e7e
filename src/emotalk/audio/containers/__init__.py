"""The containers that are understood, read more strictly than a decoder would.

Decoders forgive: a file cut in half is a shorter clip to them, a lost page is silence. Here the header is compared with
what the file holds before anything is decoded. So nobody gets a face for half of what they said.

Why so: docs/decisions/0013.
"""

from emotalk.audio.containers import chunked, flac, mp3, ogg, wav, whole
from emotalk.audio.containers.base import WIDTHS, Buffer, Coded, CodedFile, RawPcm
from emotalk.audio.containers.others import CHANGED, is_text_of_bytes
from emotalk.audio.containers.sniff import sniff
from emotalk.errors import NotAudio
from emotalk.limits import Limits

__all__ = ["DEMUXERS", "WIDTHS", "Buffer", "Coded", "CodedFile", "RawPcm", "locate", "sniff"]

DEMUXERS = {each: each.lower() for each in ("WAV", "FLAC", "OGG", "MP3", "AIFF", "CAF", "AU", "W64")}
"""What PyAV calls the kinds that are read without it."""


def locate(buffer: Buffer, limits: Limits) -> Coded:
    """Find the coded sound in a file. Raises AudioError; reads headers only, and decodes nothing."""
    kind, start, demuxer = sniff(buffer)
    if is_text_of_bytes(buffer):
        raise NotAudio(f"this is {CHANGED[0]}", CHANGED[1])
    if demuxer:
        whole.check(demuxer, kind, buffer, start)
        return Coded(kind, buffer, start, len(buffer), demuxer=demuxer, counted=False)
    if kind == "FLAC":
        return flac.locate(buffer, start, limits)
    if kind == "MP3":
        return mp3.locate(buffer, start, limits)
    buffer = buffer[start:] if start else buffer
    if kind == "WAV":
        return wav.locate(buffer)
    return ogg.locate(buffer) if kind == "OGG" else chunked.locate(kind, buffer)
