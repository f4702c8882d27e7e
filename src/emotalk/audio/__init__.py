"""Sound in: bytes → mono float32 at 16 kHz, refused with a reason where it cannot be used."""

from emotalk.audio.decode import AudioReader, decode, open_audio
from emotalk.audio.prepared import Prepared, prepare
from emotalk.audio.sent import AS_IT_IS, Sent
from emotalk.audio.transport import decode_flac_blocks, encode_flac
from emotalk.limits import DEFAULT_LIMITS, Limits

__all__ = [
    "AS_IT_IS",
    "DEFAULT_LIMITS",
    "AudioReader",
    "Limits",
    "Prepared",
    "Sent",
    "decode",
    "decode_flac_blocks",
    "encode_flac",
    "open_audio",
    "prepare",
]
