"""While two of three brokers are dead nothing may be accepted, and nobody may be left waiting for a word."""

import time
import uuid
from contextlib import suppress
from dataclasses import replace
from threading import Event, Thread
from typing import Self

from bench.clips import as_wav, speech_like
from emotalk.client import EmoTalkClient, Request
from emotalk.errors import EmoTalkError, QueueUnavailable, ServerUnavailable
from emotalk.timebase import SAMPLE_RATE

GRACE_SECONDS = 0.5
"""What was on its way when they died may still arrive."""
PAUSE_SECONDS = 0.3
ANSWER_SECONDS = 15.0
CLEAR = (QueueUnavailable, ServerUnavailable)
"""What a client may hear: that the log is away, or (a server was killed as well) that no server is there."""


class Refusals:
    """Asks on and on, in a thread, while the block lasts; `faults` is what it should not have heard."""

    def __init__(self, port: int) -> None:
        self._client = EmoTalkClient("127.0.0.1", port, timeout=ANSWER_SECONDS, patience=0.0)
        self._request = Request(as_wav(speech_like(SAMPLE_RATE)))
        self._over = Event()
        self._thread = Thread(target=self._ask_on, name="refusals")
        self.faults: list[str] = []
        self.heard: list[tuple[float, str]] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._look_at_health()
        self._over.set()
        self._thread.join()
        self._client.close()

    def _ask_on(self) -> None:
        while not self._over.wait(PAUSE_SECONDS):
            began = time.monotonic()
            words = self._ask()
            self.heard.append((time.monotonic() - began, words))

    def _look_at_health(self) -> None:
        with suppress(EmoTalkError):  # a server that was killed as well
            if self._client.health():
                self.faults.append("with two brokers dead a server says that it is ready")

    def _ask(self) -> str:
        name = f"refused-{uuid.uuid4().hex[:8]}"
        try:
            self._client.submit(replace(self._request, request_id=name))
        except CLEAR as refusal:
            return str(refusal)
        except EmoTalkError as error:
            if not self._over.is_set():
                self.faults.append(f"with two brokers dead a client heard {type(error).__name__}: {error}")
            return str(error)
        if not self._over.is_set():
            self.faults.append(f"{name} was accepted with two brokers dead")
        return "accepted"
