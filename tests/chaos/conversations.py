"""Many clients, each in a conversation: the next request once the one before is accepted, three open at most."""

import random
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from itertools import count
from queue import Empty, SimpleQueue
from threading import Event, Semaphore, Thread

import grpc

from emotalk.client import Chunk, EmoTalkClient
from emotalk.client.connection import OPTIONS
from emotalk.errors import EmoTalkError, QueueFull, ServerUnavailable
from tests.chaos.asked import Asked, draw_one
from tests.chaos.witness import Witness

OPEN_AT_ONCE = 3
AGAIN_SECONDS = 0.5
ANSWER_SECONDS = 3600.0
PATIENCE = 20.0
# A connection of its own, as every client in the field has one: by default gRPC shares one in a process.
_OPTIONS = (*OPTIONS, ("grpc.use_local_subchannel_pool", 1), ("grpc.max_reconnect_backoff_ms", 1000))


class Crowd:
    """`clients` conversations through the address at `port`; the same seed asks the same things.

    One in four has no session_id: its requests are ordered by nothing but their own ids. One in three submits its
    requests and fetches the answers, the others stream.
    """

    def __init__(self, port: int, seed: int, clients: int) -> None:
        self._port, self._seed, self._run = port, seed, uuid.uuid4().hex[:6]
        self.asked: list[Asked] = []
        self.witness = Witness()
        self._poison: SimpleQueue[int] = SimpleQueue()
        self._stop, self._give_up, self._turns = Event(), Event(), count()
        self._channels = [self._channel() for _ in range(clients)]
        self._speakers = [Thread(target=self._speak, args=(n,), name=f"speaker-{n}") for n in range(clients)]

    def start(self) -> None:
        """Let them talk."""
        for each in self._speakers:
            each.start()

    def poison(self, person_id: int) -> None:
        """Let somebody's next request be poisoned."""
        self._poison.put(person_id)

    def stop(self, seconds: float) -> None:
        """Nothing new; wait for the open answers so long, then hang up."""
        self._stop.set()
        until = time.monotonic() + seconds
        try:
            for each in self._speakers:
                each.join(max(0.0, until - time.monotonic()))
        finally:
            self._give_up.set()
            for channel in self._channels:
                channel.close()
            for each in self._speakers:
                each.join()

    def _channel(self) -> grpc.Channel:
        return grpc.intercept_channel(grpc.insecure_channel(f"127.0.0.1:{self._port}", _OPTIONS), self.witness)

    def _speak(self, number: int) -> None:
        draw, places = random.Random(f"{self._seed}-{number}"), Semaphore(OPEN_AT_ONCE)
        session = f"{self._run}-s{number}" if number % 4 else ""
        client = EmoTalkClient(channel=self._channels[number], timeout=ANSWER_SECONDS, patience=PATIENCE)
        with ThreadPoolExecutor(OPEN_AT_ONCE) as listeners:
            for turn in count():
                places.acquire()
                if self._stop.is_set():
                    return
                asked, accepted = draw_one(draw, f"{self._run}-{number}-{turn}", session, self._drop()), Event()
                asked.submitted = number % 3 == 1
                self.asked.append(asked)
                listening = listeners.submit(self._listen, client, asked, accepted)
                listening.add_done_callback(lambda _: places.release())
                accepted.wait()

    def _drop(self) -> int | None:
        try:
            return self._poison.get_nowait()
        except Empty:
            return None

    def _listen(self, client: EmoTalkClient, asked: Asked, accepted: Event) -> None:
        try:
            while not self._give_up.is_set() and not self._is_answered(client, asked, accepted):
                self._give_up.wait(AGAIN_SECONDS)
        finally:
            accepted.set()

    @staticmethod
    def _chunks(client: EmoTalkClient, asked: Asked, note: Callable[[object], None]) -> Iterator[Chunk]:
        if not asked.submitted:
            return client.stream(asked.request, note)
        note(client.submit(asked.request))
        return client.results(asked.request_id)

    def _is_answered(self, client: EmoTalkClient, asked: Asked, accepted: Event) -> bool:
        """Ask once; False where no server takes it or the queue is full: then again, under the same id."""
        spans, digest = [], blake2b()

        def note(_: object) -> None:
            if asked.accepted is None:
                asked.accepted = next(self._turns)
                accepted.set()

        try:
            for chunk in self._chunks(client, asked, note):
                note(chunk)
                spans.append((chunk.first_frame, len(chunk.frames), chunk.is_final))
                digest.update(chunk.frames.tobytes())
        except (ServerUnavailable, QueueFull):
            return False
        except EmoTalkError as error:
            asked.error = None if self._give_up.is_set() else error
            return True
        except ValueError:  # what gRPC says of a channel that was closed, by giving up
            if not self._give_up.is_set():
                raise
            return True
        asked.spans, asked.digest = spans, digest.digest()
        return True
