"""Audio2Face-3D's calls under load: how soon the first frames come, and whether every stream keeps ahead of its player.

    python -m bench.a2f [--clients 1,4,8,16] [--seconds 5,10,20] [--rates 16000,44100] [--repeat 3] [--live 8]

Beside each call of ours stands its floor, in turn with it: a bare gRPC server that sends the very same bytes.
Rows that say *first* are the first calls that a new server gets, as soon as it serves and its clients have started.
"""

import argparse
import asyncio
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import grpc
import numpy as np

from bench.clips import speech_like
from bench.figures import machine, percentile, table
from emotalk.timebase import FPS, SAMPLE_RATE
from emotalk.wire import emotalk_pb2
from emotalk.wire.a2f import controller_pb2

PROCESS = "/nvidia_ace.services.a2f_controller.v1.A2FControllerService/ProcessAudioStream"
STREAM = "/emotalk.EmoTalkService/StreamAudio"
FRAME_TAG = 0x12
"""The first byte of an answer that holds a frame."""
PIECE_SECONDS = 0.1
OPTIONS = (("grpc.max_receive_message_length", -1),)


@dataclass(frozen=True)
class Timing:
    """Of one call, in seconds: the first frame, the end, and the least that a frame was ahead of a player at 30 fps."""

    first: float
    end: float
    frames: int
    ahead: float

    @property
    def rate(self) -> float:
        """Frames a second from the first to the last."""
        return self.frames / max(self.end - self.first, 1e-9)


def request(seconds: float, rate: int) -> list[bytes]:
    """What a sample client sends: a header, a second of sound in each piece, the end."""
    at_16k = speech_like(round(seconds * SAMPLE_RATE))
    samples = np.interp(np.arange(round(seconds * rate)) / rate, np.arange(len(at_16k)) / SAMPLE_RATE, at_16k)
    pcm = (samples * 32767).astype("<i2").tobytes()
    stream = controller_pb2.AudioStream
    pieces = [stream(audio_with_emotion={"audio_buffer": pcm[i : i + 2 * rate]}) for i in range(0, len(pcm), 2 * rate)]
    messages = [_header(rate), *pieces, stream(end_of_audio={})]
    return [message.SerializeToString() for message in messages]


def _header(rate: int) -> controller_pb2.AudioStream:
    sound = {"channel_count": 1, "samples_per_second": rate, "bits_per_sample": 16}
    return controller_pb2.AudioStream(audio_stream_header={"audio_header": sound})


async def call(channel: grpc.aio.Channel, messages: Sequence[bytes]) -> Timing:
    """One call, timed."""
    began = time.perf_counter()
    answers = channel.stream_stream(PROCESS)(_sent(messages))
    arrivals = [time.perf_counter() - began async for answer in answers if answer[0] == FRAME_TAG]
    ahead = min(arrivals[0] + number / FPS - arrival for number, arrival in enumerate(arrivals))
    return Timing(arrivals[0], arrivals[-1], len(arrivals), ahead)


async def _sent(messages: Sequence[bytes]) -> AsyncIterator[bytes]:
    for message in messages:
        yield message


async def _client(address: str, seconds: float, rate: int) -> None:
    """A client's process: says that it is ready, calls when it is told to, prints its timing."""
    messages = request(seconds, rate)
    async with grpc.aio.insecure_channel(address, OPTIONS) as channel:
        await channel.channel_ready()
        print(flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        print(json.dumps(asdict(await call(channel, messages))), flush=True)


def together(address: str, clients: int, seconds: float, rate: int) -> list[Timing]:
    """So many clients, each a process, that begin at once."""
    words = [sys.executable, "-m", "bench.a2f", "--client", address, str(seconds), str(rate)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes: list[Any] = [subprocess.Popen(words, **pipes) for _ in range(clients)]
    for process in processes:
        process.stdout.readline()
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    return [Timing(**json.loads(process.communicate(timeout=300)[0])) for process in processes]


@contextmanager
def server(places: int) -> Iterator[str]:
    """Ours, as it is started; its address."""
    words = ["serve", "--queue", "memory://", "--no-web", "--port", "0", "--live-sessions", str(places)]
    words = [sys.executable, "-m", "emotalk", *words, "--engine", "builtin", "--log-format", "json"]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        facts = (json.loads(line) for line in process.stderr)
        address = next(str(fact["address"]) for fact in facts if "address" in fact)
        Thread(target=process.stderr.read, daemon=True).start()
        yield address
    finally:
        process.terminate()
        process.wait()


@contextmanager
def bare(answers: Path) -> Iterator[str]:
    """A server that sends recorded bytes, and does nothing else."""
    words = [sys.executable, "-m", "bench.a2f", "--bare", str(answers)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


async def _serve_bare(path: Path) -> None:
    recorded = [bytes.fromhex(line) for line in path.read_text().splitlines()]

    async def answer(messages: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> None:
        async for _ in messages:
            pass
        for message in recorded:
            await context.write(message)

    service, method = PROCESS[1:].split("/")
    handler = grpc.method_handlers_generic_handler(service, {method: grpc.stream_stream_rpc_method_handler(answer)})
    listening = grpc.aio.server(options=OPTIONS)
    listening.add_generic_rpc_handlers((handler,))
    port = listening.add_insecure_port("127.0.0.1:0")
    await listening.start()
    print(f"127.0.0.1:{port}", flush=True)
    await listening.wait_for_termination()


async def _record(address: str, messages: Sequence[bytes], path: Path) -> None:
    async with grpc.aio.insecure_channel(address, OPTIONS) as channel:
        answers = [bytes(answer) async for answer in channel.stream_stream(PROCESS)(_sent(messages))]
    path.write_text("\n".join(answer.hex() for answer in answers))


def load(chosen: argparse.Namespace, address: str) -> Iterator[list[str]]:
    """A row for each number of clients, length and rate."""
    for seconds in chosen.seconds:
        for rate in chosen.rates:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "answers"
                asyncio.run(_record(address, request(seconds, rate), path))
                with bare(path) as floor:
                    for clients in chosen.clients:
                        yield _row(chosen.repeat, address, floor, clients, seconds, rate)


def _row(repeat: int, address: str, floor: str, clients: int, seconds: float, rate: int) -> list[str]:
    ours, theirs = [], []
    for _ in range(repeat):
        ours += together(address, clients, seconds, rate)
        theirs += together(floor, clients, seconds, rate)
    return _figures(f"{clients} × {seconds:g} s, {rate / 1000:g} kHz", seconds, ours, theirs)


def first_calls(chosen: argparse.Namespace) -> Iterator[list[str]]:
    """A row for each length: the most clients at once, to a server that has only just started."""
    clients, rate = max(chosen.clients), chosen.rates[0]
    for seconds in chosen.seconds:
        with server(clients) as address:
            timings = together(address, clients, seconds, rate)
        yield _figures(f"first {clients} × {seconds:g} s, {rate / 1000:g} kHz", seconds, timings)


def _figures(name: str, seconds: float, ours: list[Timing], theirs: Sequence[Timing] = ()) -> list[str]:
    """Beside the floor, where there is one."""
    floor = theirs or [Timing(math.nan, math.nan, 0, math.nan)]
    first, bare_first = ([each.first for each in timings] for timings in (ours, floor))
    end = percentile([each.end for each in ours], 50)
    return [
        name,
        f"{1000 * percentile(first, 50):.0f}",
        f"{1000 * percentile(first, 99):.0f}",
        f"{1000 * percentile(bare_first, 50):.0f}",
        f"{percentile(first, 50) / percentile(bare_first, 50):.1f}",
        f"{min(each.rate for each in ours):.0f}",
        f"{min(each.rate for each in floor):.0f}",
        f"{1000 * min(each.ahead for each in ours):.0f}",
        f"1/{seconds / end:.0f}",
        f"{end / percentile([each.end for each in floor], 50):.1f}",
    ]


def live(address: str, seconds: float) -> list[list[str]]:
    """Milliseconds from a frame's sound to the frame, by both contracts in turn."""
    delays: dict[str, list[float]] = {"StreamAudio": [], "ProcessAudioStream": []}
    for _ in range(2):
        for name, measured in delays.items():
            measured += asyncio.run(_speak(address, name, seconds))
    p50 = {name: percentile(measured, 50) for name, measured in delays.items()}
    return [
        [name, f"{1000 * p50[name]:.1f}", f"{1000 * percentile(measured, 99):.1f}",
         f"{1000 * (p50[name] - p50['StreamAudio']):+.1f}"]
        for name, measured in delays.items()
    ]  # fmt: skip


async def _speak(address: str, name: str, seconds: float) -> list[float]:
    """As somebody speaks: a piece of 0.1 s each 0.1 s. Delays of all frames after the first second."""
    began = time.perf_counter()
    pcm = (speech_like(round(seconds * SAMPLE_RATE)) * 32767).astype("<i2").tobytes()
    make, path, count = {"StreamAudio": (_ours, STREAM, _frames_of), "ProcessAudioStream": (_theirs, PROCESS, _one)}[
        name
    ]

    async def messages() -> AsyncIterator[bytes]:
        nonlocal began
        first, *pieces = make(pcm)
        yield first
        began = time.perf_counter()
        for number, piece in enumerate(pieces, 1):
            await asyncio.sleep(max(0.0, began + number * PIECE_SECONDS - time.perf_counter()))
            yield piece

    delays: list[float] = []
    async with grpc.aio.insecure_channel(address, OPTIONS) as channel:
        async for answer in channel.stream_stream(path)(messages()):
            now = time.perf_counter() - began
            delays += [now - number / FPS for number in range(len(delays), len(delays) + count(answer))]
    return delays[FPS:-FPS]


def _ours(pcm: bytes) -> list[bytes]:
    frame = emotalk_pb2.AudioFrame
    pieces = [frame(audio=piece) for piece in _pieces(pcm)]
    return [each.SerializeToString() for each in (frame(settings={"sample_rate": SAMPLE_RATE}), *pieces)]


def _theirs(pcm: bytes) -> list[bytes]:
    stream = controller_pb2.AudioStream
    pieces = [stream(audio_with_emotion={"audio_buffer": piece}) for piece in _pieces(pcm)]
    return [each.SerializeToString() for each in (_header(SAMPLE_RATE), *pieces, stream(end_of_audio={}))]


def _pieces(pcm: bytes) -> list[bytes]:
    size = 2 * round(PIECE_SECONDS * SAMPLE_RATE)
    return [pcm[i : i + size] for i in range(0, len(pcm), size)]


def _frames_of(answer: bytes) -> int:
    return len(emotalk_pb2.BlendshapeResponse.FromString(answer).frames)


def _one(answer: bytes) -> int:
    return int(answer[0] == FRAME_TAG)


def _numbers(kind: type) -> Any:
    return lambda text: [kind(each) for each in text.split(",")]


def main() -> None:
    """Print the machine and two tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clients", type=_numbers(int), default=[1, 4, 8, 16])
    parser.add_argument("--seconds", type=_numbers(float), default=[5.0, 10.0, 20.0])
    parser.add_argument("--rates", type=_numbers(int), default=[16_000, 44_100])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--live", type=float, default=8.0, help="seconds that somebody speaks; 0: nobody does")
    parser.add_argument("--client", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--bare", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.bare:
        return asyncio.run(_serve_bare(chosen.bare))
    if chosen.client:
        address, seconds, rate = chosen.client
        return asyncio.run(_client(address, float(seconds), int(rate)))
    print(machine(), flush=True)
    _print(chosen)


def _print(chosen: argparse.Namespace) -> None:
    with ExitStack() as stack:
        address = stack.enter_context(server(max(chosen.clients)))
        head = [
            "clients",
            "first p50 ms",
            "p99",
            "bare p50",
            "×",
            "least fps",
            "bare",
            "ahead ms",
            "of its length",
            "×",
        ]
        print(table([head, *load(chosen, address), *first_calls(chosen)]), flush=True)
        if chosen.live:
            print()
            print(table([["live", "p50 ms", "p99", "to ours"], *live(address, chosen.live)]), flush=True)


if __name__ == "__main__":
    main()
