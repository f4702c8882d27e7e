"""Animate a file without a server.

The pipeline is used directly, and the sound is never quantised.
"""

import argparse
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

from emotalk.audio import Limits, Sent, open_audio
from emotalk.cli import flags
from emotalk.cli.exits import complain
from emotalk.cli.progress import show_bar, show_filming
from emotalk.cli.settings_from_flags import load_settings
from emotalk.cli.sound import HELP, open_file
from emotalk.engines.base import EngineCard
from emotalk.export import SUFFIXES, check_place, save
from emotalk.face import FaceClip, Pcm
from emotalk.pipeline import FaceChunk, Pipeline, Session
from emotalk.processes import parts
from emotalk.settings import Settings
from emotalk.timebase import frame_count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """IN -o OUT and how."""
    parser.add_argument("audio", metavar="IN", type=Path, help=HELP)
    kinds = "/".join(SUFFIXES)
    flags.add(parser, "--output", "-o", metavar="OUT", type=Path, required=True, help=f"{kinds}; folders are created")
    flags.add_form(parser)
    add_performance(parser)


def add_performance(parser: argparse.ArgumentParser) -> None:
    """What decides how a file is performed without a server."""
    flags.add(parser, "--seed", rare=True, metavar="N", shown="the file's digest", help="of the blinks; any text")
    flags.add_performance(parser)
    flags.add_settings(parser, "max_seconds", "engine", "shaping", "log", log_level="warning")


def run(parsed: argparse.Namespace) -> None:
    """Read, animate, write."""
    settings, form = load_settings(parsed), flags.read_form(parsed, parsed.output)
    with open_file(parsed.audio) as sound:
        clip, card = perform(parsed, settings, sound, place=parsed.output)
        clip = form.of(clip)
        save(clip, parsed.output, show_filming)
    print(f"{parsed.output}: {clip.length}, engine {card.name} on {card.device}, {card.licence}")


def perform(
    parsed: argparse.Namespace, settings: Settings, audio: Path, place: Path | None = None
) -> tuple[FaceClip, EngineCard]:
    """The sound of a file as a clip; `place` is checked before the work begins."""
    performance, gains = flags.read_performance(parsed), parts.make_gains(settings)
    performance.check()
    seed = parsed.seed if parsed.seed is not None else _digest_file(audio)
    sent = Sent(performance.audio_format, performance.lenient)
    reader = open_audio(audio, Limits(max_seconds=settings.max_seconds), sent)
    if reader.missing:
        complain(f"the sound is not whole: {reader.missing}")
    if place:
        check_place(place)
    pipeline = Pipeline(parts.load_engine(settings))
    session = pipeline.open(performance, gains, seed)
    with show_bar(frame_count(reader.samples) if reader.samples else None) as progress:
        chunks = []
        for chunk in _animate(session, reader.blocks()):
            progress.update(len(chunk.frames))
            chunks.append(chunk)
    feelings = [chunk.feelings for chunk in chunks]
    return FaceClip.of([chunk.frames for chunk in chunks], audio, feelings), pipeline.engine.card


def _animate(session: Session, sound: Iterator[Pcm]) -> Iterator[FaceChunk]:
    for pcm in sound:
        yield from session.push(pcm)
    yield from session.finish()


def _digest_file(path: Path) -> str:
    digest = blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()
