"""The other ends, each in a process of its own: `python -m bench.processes worker|server|echo …`.

They are the product's own Worker and Server with an engine that costs nothing. Each says "ready [PORT]" once it is, and
ends when its standard input does.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import grpc

from bench.clips import FreeEngine
from emotalk.address import Address
from emotalk.audio import DEFAULT_LIMITS
from emotalk.audio.apart import Decoders
from emotalk.jobs.intake import Intake
from emotalk.pipeline import Pipeline
from emotalk.queues.base import Queue
from emotalk.queues.kafka import KafkaQueue
from emotalk.queues.urls import KAFKA, open_queue
from emotalk.server.run import Server
from emotalk.supervision.workforce import Nobody, ThreadWorker
from emotalk.worker.loop import Worker

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def process(*words: str) -> Iterator[int]:
    """Start one and wait until it is ready; gives the port that it says, or 0."""
    with started(*words) as (_, port):
        yield port


@contextmanager
def started(*words: str) -> Iterator[tuple[int, int]]:
    """The same; gives its process id and its port."""
    command = (sys.executable, "-m", "bench.processes", *words)
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True)
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        word, _, port = child.stdout.readline().partition(" ")
        if word.strip() != "ready":
            raise RuntimeError(f"{' '.join(words)} did not start")
        yield child.pid, int(port or 0)
    finally:
        child.stdin.close()
        child.wait(60)


def free_worker(queue: Queue, stop: Event) -> Worker:
    """The product's worker, with the engine that costs nothing."""
    return Worker(queue.consumer(""), Pipeline(FreeEngine()), stop)


def open_for_bench(url: str, partitions: int = 0) -> Queue:
    """The queue at `url`; kafka://HOST:PORT#PREFIX keeps the bench's topics apart from those in use."""
    address, _, prefix = url.partition("#")
    if address.startswith(KAFKA):
        return KafkaQueue(address.removeprefix(KAFKA), prefix=prefix, partitions=max(1, partitions))
    return open_queue(address, _no_default, partitions=partitions)


def _work(url: str) -> None:
    stop = Event()
    worker = free_worker(open_for_bench(url), stop)
    Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
    print("ready", flush=True)
    worker.run()
    os._exit(0)


def _serve(url: str) -> None:
    async def live() -> None:
        queue = open_for_bench(url)
        workforce = ThreadWorker(lambda stop: free_worker(queue, stop)) if url.startswith("memory") else Nobody()
        server = Server(queue, Intake(prepare=decoders.prepare), workforce, Address("127.0.0.1", 0), 1.0)
        running = asyncio.create_task(server.run())
        while not server.port and not running.done():
            await asyncio.sleep(0.01)
        print(f"ready {server.port}", flush=True)
        asyncio.get_running_loop().run_in_executor(None, sys.stdin.read).add_done_callback(lambda _: server.stop())
        await running

    with Decoders(DEFAULT_LIMITS) as decoders:
        asyncio.run(live())


def _echo(answer: str) -> None:
    async def live() -> None:
        body = bytes(int(answer))

        async def echo(_: bytes, __: grpc.aio.ServicerContext):  # type: ignore[no-untyped-def]
            yield body

        server = grpc.aio.server()
        handlers = {"Echo": grpc.unary_stream_rpc_method_handler(echo)}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bench.Floor", handlers),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        print(f"ready {port}", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        await server.stop(0)

    asyncio.run(live())


def _no_default() -> Path:
    raise RuntimeError("a bench names its queue's file")


if __name__ == "__main__":
    {"worker": _work, "server": _serve, "echo": _echo}[sys.argv[1]](sys.argv[2])
