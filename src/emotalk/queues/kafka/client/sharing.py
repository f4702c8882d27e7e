"""One question at a time, shared by all who want to know: nobody waits behind the questions of others."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Generic, TypeVar

from emotalk.errors import EmoTalkError, QueueUnavailable

Thing = TypeVar("Thing")
Answer = TypeVar("Answer")


class _Round(Generic[Thing, Answer]):
    """Those who wait for one asking, and what they want to know."""

    def __init__(self) -> None:
        self.wanted: dict[Thing, None] = {}
        self.answer: Future[Mapping[Thing, Answer]] = Future()


class SharedQuestion(Generic[Thing, Answer]):
    """`ask(things, timeout)` gives the answer to each thing; one thread at a time is in it.

    Whoever comes while it is under way shares the next one, which is asked for all that they want: it begins after they
    came. Where it fails, all who waited hear the same. Each waits for as long as he said.
    """

    def __init__(self, ask: Callable[[Sequence[Thing], float], Mapping[Thing, Answer]]) -> None:
        self._ask = ask
        self._door, self._turn = threading.Lock(), threading.Lock()
        self._next = _Round[Thing, Answer]()
        self._failure: EmoTalkError | None = None

    def answers(self, things: Sequence[Thing], timeout: float) -> list[Answer]:
        """In the order of `things`. Raises QueueUnavailable after `timeout` seconds, and what `ask` raises."""
        until = time.monotonic() + timeout
        with self._door:
            asking, leads = self._next, not self._next.wanted
            asking.wanted.update(dict.fromkeys(things))
        if leads:
            self._lead(asking, until)
        try:
            found = asking.answer.result(_left(until))
        except TimeoutError as error:
            raise _late() from error
        return [found[thing] for thing in things]

    def _lead(self, asking: _Round[Thing, Answer], until: float) -> None:
        """Whoever comes first asks for the others."""
        failure = self._failure
        try:
            with self.alone(_left(until)):
                self._ask_for(asking, until, failure)
        except EmoTalkError as error:
            self._end(asking)
            asking.answer.set_exception(error)

    def _ask_for(self, asking: _Round[Thing, Answer], until: float, failure: EmoTalkError | None) -> None:
        self._end(asking)
        if self._failure is not failure:  # while we waited; in turn each of us would wait as long
            raise QueueUnavailable(str(self._failure))
        try:
            asking.answer.set_result(self._ask(list(asking.wanted), _left(until)))
        except EmoTalkError as error:
            self._failure = error
            raise

    def _end(self, asking: _Round[Thing, Answer]) -> None:
        """Nobody joins it any more."""
        with self._door:
            if self._next is asking:
                self._next = _Round()

    @contextmanager
    def alone(self, timeout: float = -1) -> Iterator[None]:
        """Nobody asks until the end of the block. Raises QueueUnavailable after `timeout` seconds, if any."""
        if not self._turn.acquire(timeout=timeout):
            raise _late()
        try:
            yield
        finally:
            self._turn.release()


def _left(until: float) -> float:
    return max(0.0, until - time.monotonic())


def _late() -> QueueUnavailable:
    return QueueUnavailable("Kafka: others wait for the same answer, and it has not come in time; try again")
