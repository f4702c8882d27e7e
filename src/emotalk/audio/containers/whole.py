"""Is all of a container there that PyAV reads, and nothing else behind it? ffmpeg takes half of one for one."""

from contextlib import suppress

from emotalk.audio.containers.base import Buffer
from emotalk.audio.containers.parts import WALKS
from emotalk.audio.containers.sniff import sniff
from emotalk.audio.containers.tags import STRAY_BYTES, make_another_error, refuse_another
from emotalk.errors import NotAudio, TruncatedAudio

_MAX_PARTS = 1_000_000
_NEAR, _ZEROS_OF_A_BOX = 8_192, 3
"""An MP4 begins with zeros, which are not padding."""
_PIECES = {b"moof", b"tag", b"\x1fC\xb6u", b"pack", b"frame"}
"""A file in these is in many pieces, of which any may be the last."""


def check(demuxer: str, kind: str, buffer: Buffer, start: int) -> None:
    """Raise TruncatedAudio for half a file, UnsupportedAudio for two; kinds that are not known here pass."""
    walk = WALKS[demuxer](buffer, start) if demuxer in WALKS else ()
    seen: set[bytes] = set()
    for _, (name, at, stop) in zip(range(_MAX_PARTS), walk, strict=False):
        if not name:
            return _check_rest(buffer, at, kind, bool(seen & _PIECES))
        if name == b"ftyp" and b"moov" in seen and b"moof" not in seen:
            raise make_another_error(at, kind)
        if stop > len(buffer):
            promised, held = stop - at, len(buffer) - at
            raise TruncatedAudio(
                f"the {kind} is cut: at byte {at} it promises {promised} bytes and holds {held}", "Send the whole file"
            )
        seen.add(name)
    return None


def _check_rest(buffer: Buffer, at: int, kind: str, in_pieces: bool) -> None:
    """Cameras leave data of their own behind a whole file; behind a piece of one more pieces may be lost."""
    rest = refuse_another(buffer, at, kind)
    if in_pieces and len(buffer) - rest > STRAY_BYTES:
        problem = f"the {kind} is damaged: what begins at byte {rest} is not recognised"
        raise TruncatedAudio(problem, "Send the whole file")
    for begin in (rest, max(rest - _ZEROS_OF_A_BOX, at)):
        with suppress(NotAudio, TruncatedAudio):
            if rest < len(buffer) and sniff(buffer[begin : begin + _NEAR]):
                raise make_another_error(begin, kind)
