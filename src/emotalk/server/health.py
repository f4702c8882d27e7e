"""Is the service ready? Probed in the background, answered from memory.

Ready: the log accepts, and the worker, if it is ours, is warm. One failed probe does not flip it. Liveness is answering
at all, and never depends on the broker.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import Executor

from emotalk import metrics
from emotalk.errors import EmoTalkError
from emotalk.queues.base import Producer

log = logging.getLogger(__name__)

PROBE_SECONDS = 2.0
FAILURES_TO_FLIP = 3


class Readiness:
    """The one flag, for these services; "" is the server as a whole."""

    def __init__(self, services: Iterable[str] = ("",)) -> None:
        self.services = tuple(services)
        self.ready = False
        self._changed = asyncio.Event()
        self._draining = False
        self._failures = 0

    async def set(self, ready: bool) -> None:
        """Say it to everyone who asks or watches; after `drain` it stays down."""
        self.ready = ready and not self._draining
        metrics.READY.set(self.ready)
        # Nobody who watches is waited for: each has the event that stands when it looks, and hears in its own time.
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def changes(self) -> AsyncIterator[bool]:
        """Whether it is ready: now, and whenever that changes; who listens slowly misses what is over by then."""
        while True:
            changed, ready = self._changed, self.ready
            yield ready
            while self.ready is ready:
                await changed.wait()
                changed = self._changed

    async def drain(self) -> None:
        """NOT_SERVING from now on."""
        self._draining = True
        await self.set(False)

    async def observe(self, problem: str) -> None:
        """One probe: empty means well. Only the third failure in a row flips the flag; one success flips it back."""
        self._failures = self._failures + 1 if problem else 0
        if problem:
            log.warning("probe failed", extra={"error": problem, "failures": self._failures})
        ready = self._failures < FAILURES_TO_FLIP
        if ready != self.ready and not self._draining:
            log.info("ready" if ready else "not ready")
            await self.set(ready)


async def probe_forever(
    readiness: Readiness,
    producer: Producer,
    worker_is_warm: Callable[[], bool],
    answers_arrive: Callable[[], bool],
    executor: Executor,
) -> None:
    """Ask the log and the worker every two seconds; after a probe that takes longer, at once."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        due = max(due + PROBE_SECONDS, loop.time())
        await asyncio.sleep(due - loop.time())
        looks = (producer, worker_is_warm, answers_arrive)
        await readiness.observe(await loop.run_in_executor(executor, _find_problem, *looks))


def _find_problem(producer: Producer, worker_is_warm: Callable[[], bool], answers_arrive: Callable[[], bool]) -> str:
    try:
        producer.ping()
    except EmoTalkError as error:  # a setting that has become wrong is no better than an outage
        return str(error)
    if not answers_arrive():
        return "the thread that reads the results has died; restart the server"
    return "" if worker_is_warm() else "the worker is not warm (it is being started again)"
