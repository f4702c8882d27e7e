"""Put a file into the queue without a server, and wait for the result.

What `python kafka_producer.py` does: prints id, partition and offset, then what it waits for.
"""

import argparse
import time
from functools import partial
from pathlib import Path

from emotalk.cli import flags
from emotalk.cli.progress import show_filming
from emotalk.cli.settings_from_flags import load_settings
from emotalk.cli.sound import open_file
from emotalk.cli.wait import Waiting
from emotalk.errors import DeadlineExceeded
from emotalk.export import SUFFIXES, check_place, save
from emotalk.face import FaceClip
from emotalk.jobs import Job
from emotalk.jobs.actions import to_given_up
from emotalk.jobs.assembly import Assembly, Response
from emotalk.jobs.codec import part_of
from emotalk.jobs.intake import Order, as_request
from emotalk.processes import parts
from emotalk.queues.base import Receipt, Result, Results

DEFAULT_AUDIO = Path("audio/angry1.wav")


def add_arguments(parser: argparse.ArgumentParser, **defaults: object) -> None:
    """--audio F into --queue URL."""
    flags.add(parser, "--audio", type=Path, default=DEFAULT_AUDIO, metavar="F", help="WAV, FLAC, OGG or MP3")
    kinds = "/".join(SUFFIXES)
    flags.add(parser, "--output", "-o", metavar="OUT", type=Path, help=f"save the result: {kinds}")
    flags.add_form(parser)
    flags.add_request(parser)
    wait = "seconds to wait for the result; the request stays in the queue"
    flags.add(parser, "--timeout", type=flags.seconds, default=600.0, metavar="S", help=wait)
    flags.add_performance(parser)
    flags.add_settings(parser, "max_seconds", "queue", "shaping", "log", **defaults)


def run(parsed: argparse.Namespace) -> None:
    """Submit, print, wait."""
    settings, form = load_settings(parsed, shared=True), flags.read_form(parsed, parsed.output)
    job = parts.make_intake(settings).accept(_make_order(parsed), time.time)
    if parsed.output:
        check_place(parsed.output)
    queue = parts.make_queue(settings)
    queue.prepare()
    try:
        results, producer = queue.results(), queue.producer()
        receipt = producer.append(as_request(job, "emotalk submit"), fresh=not parsed.request_id)
        if receipt.failure is not None:
            raise to_given_up(receipt.failure)
        print(f"request_id {job.request_id}, partition {receipt.partition}, offset {receipt.offset}", flush=True)
        waiting = Waiting(queue, job.request_id, partial(producer.ahead, receipt), prefix=settings.kafka_prefix)
        clip = _wait(results, job, receipt, waiting, parsed.timeout)
    finally:
        queue.close()
    clip = form.of(clip)
    print(f"done: {clip.length}")
    if parsed.output:
        save(clip, parsed.output, show_filming)
        print(parsed.output)


def _make_order(parsed: argparse.Namespace) -> Order:
    with open_file(parsed.audio) as sound:
        return Order(sound.read_bytes(), parsed.request_id, parsed.session_id, flags.read_performance(parsed))


def _wait(results: Results, job: Job, receipt: Receipt, waiting: Waiting, timeout: float) -> FaceClip:
    until = time.monotonic() + timeout
    assembly = Assembly(may_restart=True)
    responses: list[Response] = []
    known = results.read(job.request_id, receipt.start, 10**6) if receipt.start else []
    while True:
        for result in known:
            response = _make_response(assembly, result, job, receipt.epoch)
            if response:
                print(_format_line(response), flush=True)
                responses = [*([] if response.restarted else responses), response]
            if assembly.complete:
                return FaceClip.of([each.frames for each in responses], None, [each.feelings for each in responses])
        waiting.look()
        if time.monotonic() > until:
            raise DeadlineExceeded(
                f"no result of {job.request_id} within {timeout:g} s; it stays in the queue. Is a worker running?"
            )
        known = results.poll(0.5)


def _make_response(assembly: Assembly, result: Result, job: Job, epoch: int) -> Response | None:
    if result.request_id != job.request_id:
        return None
    part = part_of(result)
    return assembly.add(part) if part and part.answers(job.digest, epoch) else None


def _format_line(response: Response) -> str:
    last = response.first_frame + len(response.frames) - 1
    return f"chunk {response.chunk_index}: frames {response.first_frame}..{last}"
