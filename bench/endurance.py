"""What is left of ten minutes of speech, and of ten thousand streams: frames, delay and memory of a whole server.

    python -m bench.endurance --minutes 10
    python -m bench.endurance --sessions 1000,3000,10000

A speaker's rows are minutes; missing frames are counted at the end. Streams are a third of a second long, eight at a
time, and every third one hangs up in the middle. Memory is resident megabytes; of the engines, the largest one's.
"""

import argparse
import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import islice

import grpc

from bench.figures import machine, percentile, table
from bench.live import ROOT, STREAM, Service, heard, numbers, pieces_of, service
from emotalk.timebase import FPS, SAMPLE_RATE
from emotalk.wire import emotalk_pb2

TOGETHER = 8
MINUTE = 60 * FPS


def spoken(minutes: float) -> list[list[str]]:
    """A row a minute of one speaker."""
    with service(ROOT, ["--live-sessions", "2"]) as one, ThreadPoolExecutor(1) as pool:
        speaking = pool.submit(heard, one.address, 1, 60 * minutes, 0.1)
        held = []
        while not speaking.done():
            wait([speaking], 60)
            held.append(_held(one))
        found = speaking.result()
    print(f"frames missing: {found.missing}; failures: {found.failures}", flush=True)
    parts = (found.delays[at : at + MINUTE] for at in range(0, len(found.delays), MINUTE))
    rows = [_minute(number, part) + memory for number, (part, memory) in enumerate(zip(parts, held, strict=False), 1)]
    return [["minute", "p50 ms", "p99", "worst", "server MB", "engine MB", "descriptors"], *rows]


def _minute(number: int, delays: list[float]) -> list[str]:
    figures = percentile(delays, 50), percentile(delays, 99), max(delays)
    return [str(number), *(f"{1000 * each:.0f}" for each in figures)]


def _held(one: Service) -> list[str]:
    memory = one.memory()
    return [str(memory["server"]), str(memory["engine"]), str(one.descriptors())]


async def _churn(address: str, sessions: Iterator[int]) -> None:
    first = emotalk_pb2.AudioFrame(settings={"sample_rate": SAMPLE_RATE}).SerializeToString()
    sound = pieces_of(0.3, 0.3, 0)[0]

    async def one_after_another(channel: grpc.aio.Channel) -> None:
        for number in sessions:
            call = channel.stream_stream(STREAM)(iter([first, sound]))
            async for _ in call:
                if number % 3 == 0:
                    call.cancel()
                    break

    async with grpc.aio.insecure_channel(address) as channel:
        await asyncio.gather(*(one_after_another(channel) for _ in range(TOGETHER)))


def churned(marks: list[int]) -> Iterator[list[str]]:
    """What is held once so many streams have come and gone."""
    yield ["streams", "server MB", "engine MB", "descriptors"]
    with service(ROOT, ["--live-sessions", str(2 * TOGETHER)]) as one:
        opened = iter(range(max(marks)))
        for before, mark in zip([0, *marks], marks, strict=False):
            asyncio.run(_churn(one.address, islice(opened, mark - before)))
            yield [str(mark), *_held(one)]


def main() -> None:
    """Print the machine and a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--sessions", type=numbers, help="so many streams instead; look after each number")
    chosen = parser.parse_args()
    print(machine(), flush=True)
    print(table(list(churned(chosen.sessions)) if chosen.sessions else spoken(chosen.minutes)), flush=True)


if __name__ == "__main__":
    main()
