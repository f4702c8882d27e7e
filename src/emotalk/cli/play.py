"""Play a clip, or animate a sound file and play it, to an avatar that is on the screen now.

VMC (VSeeFace, Warudo, VNyan), Live Link Face (Unreal), iFacialMocap or a WebSocket.
"""

import argparse
import signal
import sys
from contextlib import ExitStack, closing
from pathlib import Path

from emotalk.cli import flags
from emotalk.cli.animate import add_performance, perform
from emotalk.cli.exits import complain
from emotalk.cli.settings_from_flags import load_settings
from emotalk.cli.sound import open_file
from emotalk.errors import ConfigurationError
from emotalk.export import READABLE, load
from emotalk.export.formats import suffix_of
from emotalk.face import FaceClip
from emotalk.play import connect, play

_TO = (
    "who receives it; may be given several times. `vmc://HOST:39539` (VSeeFace, Warudo, VNyan;"
    " `?names=camel` for models whose clips are called browDownLeft and not BrowDownLeft), `livelink://HOST:11111`"
    " (Unreal; `?subject=NAME`), `ifacialmocap://HOST:49983` (whatever listens for that phone app),"
    ' `ws://HOST:PORT/PATH` or `wss://…` (a JSON message a frame: `{"frame_number",'
    ' "timecode", "blendshapes": {name: value}}`). Nobody listens at the WebSocket: exit code 5; what UDP loses,'
    " nobody hears of"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """IN --to ADDRESS and how."""
    kinds = "/".join(READABLE)
    parser.add_argument("audio", metavar="IN", type=Path, help=f"a clip ({kinds}), or sound, which is animated first")
    flags.add(parser, "--to", action="append", required=True, metavar="ADDRESS", help=_TO)
    flags.add(parser, "--loop", action="store_true", help="play it again and again, until Ctrl-C")
    flags.add_form(parser, shown="the clip's own")
    add_performance(parser)


def run(parsed: argparse.Namespace) -> None:
    """Read or animate, connect, play."""
    clip = flags.read_form(parsed).of(_load_clip(parsed))
    with ExitStack() as stack:
        receivers = [stack.enter_context(closing(connect(address, clip.fps, clip.names))) for address in parsed.to]
        complain(f"playing {float(len(clip.frames) / clip.fps):.1f} s to {', '.join(parsed.to)}")
        signal.signal(signal.SIGTERM, _leave)
        sent = play(clip, receivers, parsed.loop)
    print(f"{parsed.audio}: {sent} sent of {clip.length}")


def _leave(number: int, _: object) -> None:
    """Brings the face to rest on the way out."""
    sys.exit(128 + number)


def _load_clip(parsed: argparse.Namespace) -> FaceClip:
    settings = load_settings(parsed)
    if suffix_of(parsed.audio, READABLE):
        return load(parsed.audio)
    _refuse_unreadable(parsed.audio)
    with open_file(parsed.audio) as sound:
        return perform(parsed, settings, sound)[0]


def _refuse_unreadable(path: Path) -> None:
    if suffix := suffix_of(path):
        raise ConfigurationError(
            f"clip: {suffix} is written, but not read. Use one of {', '.join(READABLE)}, or sound."
        )
