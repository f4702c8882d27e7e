"""Play a clip, or animate a sound file and play it, to an avatar that is on the screen now.

VMC (VSeeFace, Warudo, VNyan), Live Link Face (Unreal) or a WebSocket; 30 frames a second.
"""

import argparse
from contextlib import ExitStack, closing
from pathlib import Path

from emotalk.cli import flags
from emotalk.cli.animate import add_performance, perform
from emotalk.cli.exits import complain
from emotalk.cli.settings_from_flags import settle
from emotalk.errors import ConfigurationError
from emotalk.export import READABLE, load
from emotalk.export.formats import suffix_of
from emotalk.face import FaceClip
from emotalk.play import SCHEMES, connect, play
from emotalk.timebase import FPS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """IN --to ADDRESS and how."""
    kinds = "/".join(READABLE)
    parser.add_argument("audio", metavar="IN", type=Path, help=f"a clip ({kinds}), or sound, which is animated first")
    flags.add(
        parser,
        "--to",
        action="append",
        required=True,
        metavar="ADDRESS",
        help=f"who receives it: {', '.join(SCHEMES)}; may be given several times",
    )
    flags.add(parser, "--loop", action="store_true", help="play it again and again, until Ctrl-C")
    add_performance(parser)


def run(parsed: argparse.Namespace) -> None:
    """Read or animate, connect, play."""
    clip = _clip(parsed)
    with ExitStack() as stack:
        receivers = [stack.enter_context(closing(connect(address))) for address in parsed.to]
        complain(f"playing {len(clip.frames) / FPS:.1f} s to {', '.join(parsed.to)}")
        sent = play(clip, receivers)
        while parsed.loop:
            sent += play(clip, receivers)
    print(f"{parsed.audio}: {sent} of {len(clip.frames)} frames sent at 30 fps")


def _clip(parsed: argparse.Namespace) -> FaceClip:
    settings = settle(parsed, log_level="warning")
    if suffix_of(parsed.audio, READABLE):
        return load(parsed.audio)
    _refuse_unreadable(parsed.audio)
    clip, _ = perform(parsed, settings)
    return clip


def _refuse_unreadable(path: Path) -> None:
    if suffix := suffix_of(path):
        raise ConfigurationError(
            f"clip: {suffix} is written, but not read. Use one of {', '.join(READABLE)}, or sound."
        )
