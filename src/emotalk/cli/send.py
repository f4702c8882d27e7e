"""Send a file to a server and save the answer.

Prints each chunk as it comes.
"""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from emotalk.cli import flags
from emotalk.cli.exits import complain
from emotalk.cli.progress import show_filming
from emotalk.cli.sound import HELP, open_file
from emotalk.client import DEFAULT_TIMEOUT, Chunk, EmoTalkClient, Request, whole
from emotalk.errors import ConfigurationError
from emotalk.export import SUFFIXES, check_place, save
from emotalk.export.form import Form
from emotalk.face import FaceClip

PATIENCE = 10.0
ENVIRONMENT = flags.TOKEN_NOTE


def add_arguments(parser: argparse.ArgumentParser, default_output: Path | None = None) -> None:
    """IN -o OUT and where."""
    parser.add_argument("file", metavar="IN", nargs="?", type=Path, help=HELP)
    flags.add(parser, "--audio", rare=True, metavar="IN", type=Path, help="the same, as the first version spelt it")
    kinds = "/".join(SUFFIXES)
    output = f"{kinds}; folders are created. Without it nothing is saved"
    flags.add(parser, "--output", "-o", default=default_output, metavar="OUT", type=Path, help=output)
    flags.add(parser, "--host", default="localhost", metavar="ADDRESS", help="the server")
    flags.add(parser, "--port", type=int, default=50051, metavar="N", help="its port")
    flags.add_form(parser)
    flags.add_request(parser)
    timeout = "give up after so many seconds, the wait in the queue included"
    flags.add(parser, "--timeout", type=flags.seconds, default=DEFAULT_TIMEOUT, metavar="S", help=timeout)
    flags.add_credentials(parser)
    flags.add_performance(parser)


def run(parsed: argparse.Namespace) -> None:
    """Send, print, save."""
    audio, output = parsed.audio or parsed.file, parsed.output
    form = flags.read_form(parsed, output)
    if audio is None:
        raise ConfigurationError("audio: no file was named. Give IN, or --audio IN.")
    with open_file(audio) as sound:
        _send(parsed, sound, output, form)


def _send(parsed: argparse.Namespace, audio: Path, output: Path | None, form: Form) -> None:
    if output:
        check_place(output)
    request = _make_request(parsed, audio.read_bytes())
    chunks: list[Chunk] = []
    options: dict[str, Any] = {"timeout": parsed.timeout, "patience": PATIENCE}
    with EmoTalkClient(parsed.host, parsed.port, credentials=flags.read_credentials(parsed), **options) as client:
        accepted = partial(_say_accepted, request)
        for chunk in client.stream(request, accepted, may_restart=True):
            if chunk.restarted:
                complain("another engine repeats the job and computes different frames, so the answer starts again")
            last = chunk.first_frame + len(chunk.frames) - 1
            print(f"chunk {chunk.index}: frames {chunk.first_frame}..{last}{' (final)' if chunk.is_final else ''}")
            chunks.append(chunk)
        if request.lenient and (missing := client.job(request.request_id).missing):
            complain(f"the sound is not whole: {missing}")
    if output:
        chunks = whole(chunks)
        clip = form.of(FaceClip.of([chunk.columns for chunk in chunks], audio, [chunk.feelings for chunk in chunks]))
        save(clip, output, show_filming)
        print(f"{output}: {clip.length}")


def _make_request(parsed: argparse.Namespace, audio: bytes) -> Request:
    named = {"request_id": parsed.request_id} if parsed.request_id else {}
    return Request(audio, **vars(flags.read_performance(parsed)), session_id=parsed.session_id, **named)


def _say_accepted(request: Request, position: int) -> None:
    complain(f"accepted as {request.request_id}, {position} before it")
