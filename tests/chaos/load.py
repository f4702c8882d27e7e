"""Many clients, real processes, and each of them killed once on the way.

    clients (threads here) ──gRPC──► emotalk serve ──► queue ──► emotalk work --engine tone
                                        kill -9       kill -9       kill -9

`Load` says how much, `run` does it and returns what was seen, `faults` says what is wrong with that. The test and
bench/load.py differ only in how much.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import grpc
import numpy as np

from bench.clips import as_wav, speech_like
from emotalk.animation import Animation
from emotalk.client import Chunk, EmoTalkClient, Request
from emotalk.engines.tone import ToneEngine
from emotalk.errors import EmoTalkError
from emotalk.face import Frames, Pcm
from emotalk.jobs.intake import Intake, Order
from emotalk.pipeline import Pipeline
from emotalk.timebase import SAMPLE_RATE, frame_count
from tests.chaos.programs import START_SECONDS, Service

ANSWER_SECONDS = 600.0
PATIENCE = 60.0
SETTLE_SECONDS = 30.0


@dataclass(frozen=True)
class Errand:
    """One request: `samples` of speech-like sound."""

    request_id: str
    pcm: Pcm

    @cached_property
    def request(self) -> Request:
        """As a client sends it."""
        return Request(as_wav(self.pcm), request_id=self.request_id)

    def expected(self) -> Frames:
        """What an undisturbed run in this process answers, to the byte."""
        job = Intake().accept(Order(self.request.audio, self.request_id), lambda: 0.0)
        blocks: list[Frames] = []
        animation = Animation(
            Pipeline(ToneEngine()), job, lambda parts: blocks.extend(part.frames for part in parts), time.monotonic
        )
        animation.wait(ANSWER_SECONDS)
        assert animation.error is None
        return np.concatenate(blocks)


@dataclass(frozen=True)
class Load:
    """How much: `seconds` from the shortest to the longest clip; everyone is killed `kills` times."""

    clients: int = 25
    requests: int = 200
    seconds: tuple[float, float] = (1.0, 60.0)
    kills: int = 1

    def errands(self) -> list[Errand]:
        """The same every time, except for the ids."""
        draw = np.random.default_rng(3)
        shortest, longest = (round(each * SAMPLE_RATE) for each in self.seconds)
        master, run = speech_like(2 * longest), uuid.uuid4().hex[:8]
        errands = []
        for number in range(self.requests):
            length, start = int(draw.integers(shortest, longest + 1)), int(draw.integers(0, longest))
            errands.append(Errand(f"{run}-{number:04d}", master[start : start + length]))
        return errands


@dataclass
class Seen:
    """What happened: each errand's chunks or error and its seconds, who was killed after how many answers, the logs."""

    errands: Sequence[Errand]
    answers: dict[str, list[Chunk]] = field(default_factory=dict)
    errors: dict[str, EmoTalkError] = field(default_factory=dict)
    waits: dict[str, float] = field(default_factory=dict)
    kills: list[tuple[str, int]] = field(default_factory=list)
    accepted: list[dict[str, Any]] = field(default_factory=list)
    started: list[dict[str, Any]] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True)
class Victim:
    """Who is killed (and started again) once `share` of the answers are there."""

    name: str
    share: float
    strike: Callable[[], None]


def run(
    load: Load,
    service: AbstractContextManager[Service],
    port: int,
    left: Callable[[], list[str]],
    others: Iterable[Victim] = (),
) -> Seen:
    """Send everything, kill everyone once, wait for every answer and until nothing is `left` in the queue."""
    seen = Seen(load.errands())
    with service as running:
        _await_ready(port)
        victims = [Victim("worker", 0.2, running.kill_worker), Victim("server", 0.45, running.restart_server), *others]
        since = time.monotonic()
        _send_all(load, port, seen, _in_rounds(victims, load.kills))
        seen.seconds = time.monotonic() - since
        seen.left = _settled(left)
        seen.accepted, seen.started = running.lines("accept"), running.lines("start")
    return seen


def _in_rounds(victims: Sequence[Victim], rounds: int) -> list[Victim]:
    return [replace(victim, share=(number + victim.share) / rounds) for number in range(rounds) for victim in victims]


def _send_all(load: Load, port: int, seen: Seen, victims: Sequence[Victim]) -> None:
    waiting, changed = iter(seen.errands), threading.Condition()

    def client() -> None:
        with _client(port) as own:
            while True:
                with changed:
                    errand = next(waiting, None)
                if errand is None:
                    return
                since = time.monotonic()
                try:
                    seen.answers[errand.request_id] = list(own.stream(errand.request))
                    seen.waits[errand.request_id] = time.monotonic() - since
                except EmoTalkError as error:
                    seen.errors[errand.request_id] = error
                with changed:
                    changed.notify_all()

    def done() -> int:
        return len(seen.answers) + len(seen.errors)

    def reached(due: int) -> bool:
        return done() >= due

    with ThreadPoolExecutor(load.clients) as clients:
        running = [clients.submit(client) for _ in range(load.clients)]
        for victim in victims:
            due = round(victim.share * load.requests)
            with changed:
                changed.wait_for(partial(reached, due), ANSWER_SECONDS)
            seen.kills.append((victim.name, done()))
            victim.strike()
        for each in running:
            each.result(ANSWER_SECONDS)


def _client(port: int) -> EmoTalkClient:
    # A connection of its own, as every client in the field has one: by default gRPC shares one in a process.
    options = (("grpc.use_local_subchannel_pool", 1), ("grpc.max_reconnect_backoff_ms", 1000))
    channel = grpc.insecure_channel(f"127.0.0.1:{port}", options)
    return EmoTalkClient(channel=channel, timeout=ANSWER_SECONDS, patience=PATIENCE)


def _await_ready(port: int) -> None:
    until = time.monotonic() + START_SECONDS
    with _client(port) as client:
        while time.monotonic() < until:
            try:
                if client.health():
                    return
            except EmoTalkError:
                time.sleep(0.1)
    raise AssertionError("the server did not get ready")


def _settled(left: Callable[[], list[str]]) -> list[str]:
    # The last client has its last frame a moment before the worker commits.
    until = time.monotonic() + SETTLE_SECONDS
    while (found := left()) and time.monotonic() < until:
        time.sleep(0.1)
    return found


def faults(seen: Seen) -> list[str]:
    """Everything that a client or an operator would complain about; empty where all is well."""
    found = [f"{request_id}: {error}" for request_id, error in seen.errors.items()]
    for errand in seen.errands:
        if errand.request_id in seen.answers:
            found += [f"{errand.request_id}: {fault}" for fault in _of_answer(errand, seen.answers[errand.request_id])]
    return found + _of_order(seen) + [f"left over: {each}" for each in seen.left]


def _of_answer(errand: Errand, chunks: list[Chunk]) -> Iterator[str]:
    due = frame_count(len(errand.pcm))
    if [chunk.is_final for chunk in chunks] != [False] * (len(chunks) - 1) + [True]:
        yield "is_final is not on the last chunk alone"
    next_frame = 0
    for chunk in chunks:
        if chunk.first_frame != next_frame:
            yield f"frame {chunk.first_frame} came where {next_frame} was due"
        next_frame = chunk.first_frame + len(chunk.frames)
    if next_frame != due:
        yield f"{next_frame} frames where {due} were due"
    elif np.concatenate([chunk.frames for chunk in chunks]).tobytes() != errand.expected().tobytes():
        yield "the frames differ from an undisturbed run's"


def _of_order(seen: Seen) -> list[str]:
    places = [(line["partition"], line["offset"]) for line in seen.started]
    found = []
    for partition in {partition for partition, _ in places}:
        offsets = [offset for where, offset in places if where == partition]
        firsts = list(dict.fromkeys(offsets))
        if firsts != sorted(firsts):
            found.append(f"partition {partition}: first starts in the order {firsts}")
    accepted = {(line["partition"], line["offset"]) for line in seen.accepted}
    found += [f"accepted at {place} and never started" for place in sorted(accepted - set(places))]
    known = {line["request_id"] for line in seen.accepted}
    return found + [f"{each.request_id}: no accept line" for each in seen.errands if each.request_id not in known]
