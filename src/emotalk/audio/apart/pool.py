"""Warm children that decode one clip after another; one that dies costs a second try, one that must be killed its
clip."""

import logging
import time
from collections.abc import Sequence
from threading import Event, Lock, Thread
from types import TracebackType

from emotalk.audio.apart.fence import Fence
from emotalk.audio.apart.process import PROGRAM, Decoder, Died
from emotalk.audio.limits import CONVERT
from emotalk.audio.prepared import Prepared
from emotalk.audio.sent import AS_IT_IS, Sent
from emotalk.errors import EngineError, UndecodableAudio
from emotalk.limits import Limits, check_size

log = logging.getLogger(__name__)

CHILDREN = 2
TICK_SECONDS = 0.5


class Decoders:
    """A pool for clips within `limits`; threads may share it, and the children start getting warm at once."""

    def __init__(
        self, limits: Limits, fence: Fence | None = None, children: int = CHILDREN, program: Sequence[str] = PROGRAM
    ) -> None:
        self._limits, self._fence, self._program = limits, fence or Fence.around(limits), program
        self._children, self._lock = children, Lock()
        self._idle = [self._start_child() for _ in range(children)]
        self._working: set[Decoder] = set()
        self._ended = Event()
        Thread(target=self._watch, name="decoding clock", daemon=True).start()

    def prepare(self, data: bytes, limits: Limits, sent: Sent = AS_IT_IS) -> Prepared:
        """See `prepare` in emotalk.audio.prepared; `limits` are those of the pool. Raises AudioError, EngineError."""
        check_size(len(data), limits)
        try:
            return self._prepare_in(self._take(), data, sent)
        except Died as died:
            if self._ended.is_set():
                raise EngineError("the server ends") from died
            # Somebody else killed it, or a clip before this one broke it. Whoever falls twice is to blame.
            log.warning("decoder lost", extra={"error": str(died), "fix": "none needed: the clip is tried once more"})
        try:
            return self._prepare_in(self._start_child(), data, sent)
        except Died as twice:
            raise UndecodableAudio(f"{twice}; it was tried twice", CONVERT) from twice

    def close(self) -> None:
        """End the children; whatever they are at has nobody any more who could be told."""
        with self._lock:
            idle, self._idle = self._idle, []
            self._ended.set()
        for child in self._working.copy():
            child.kill()
        for child in idle:
            child.end()

    def __enter__(self) -> "Decoders":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _prepare_in(self, child: Decoder, data: bytes, sent: Sent) -> Prepared:
        self._working.add(child)
        try:
            return child.prepare(data, sent)
        finally:
            self._working.discard(child)
            self._give_back(child)

    def _take(self) -> Decoder:
        with self._lock:
            while self._idle:
                child = self._idle.pop()
                if child.alive():
                    return child
                child.end()
                self._idle.insert(0, self._start_child())
        return self._start_child()

    def _give_back(self, child: Decoder) -> None:
        with self._lock:
            room = not self._ended.is_set() and len(self._idle) < self._children
            if room and child.alive() and not child.worn():
                self._idle.append(child)
                return
            if room:
                self._idle.insert(0, self._start_child())  # at the far end: it gets warm while another decodes
        child.end()

    def _watch(self) -> None:
        """One thread for all: a timer for each clip would cost more than decoding a short one."""
        while not self._ended.wait(TICK_SECONDS):
            now = time.monotonic()
            for child in list(self._working):
                child.kill_if_late(now)

    def _start_child(self) -> Decoder:
        return Decoder(self._limits, self._fence, self._program)
