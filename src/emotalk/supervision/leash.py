"""Both ends of the leash between a server and its child: a ready line, SIGTERM, and standard input, which ends last.

Why so: docs/decisions/0010.
"""

import asyncio
import logging
import os
import re
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Event, Thread
from typing import TypeVar

from emotalk.supervision import program

log = logging.getLogger(__name__)

T = TypeVar("T")

READY_LINE = "ready"
WARMING_SECONDS = 600.0
ENDING_SECONDS = 5.0


class Child:
    """`emotalk ARGUMENTS… --supervised`, started and ended by the server; it inherits the descriptors `files`."""

    def __init__(self, arguments: tuple[str, ...], environment: Mapping[str, str], files: tuple[int, ...] = ()) -> None:
        self._arguments, self._environment, self._files = arguments, dict(environment), files
        self._process: Process | None = None

    @property
    def alive(self) -> bool:
        """Has it been started, and not ended?"""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """Of the one that was started last; 0 where the system could not start it."""
        return self._process.pid if self._process else 0

    async def start(self) -> str | None:
        """Return once it is ready: what it says behind the word; None where it ended before, or took too long."""
        command = program.command(program.PROGRAM, *self._arguments, "--supervised")
        self._process = None
        try:
            self._process = process = await asyncio.create_subprocess_exec(
                *command, **program.PIPES, env=self._environment, pass_fds=self._files
            )
            async with asyncio.timeout(WARMING_SECONDS):
                return await _read_ready(process)
        except TimeoutError:  # another one may fare better
            fix = "killed; see doctor for the engine"
            log.error("%s does not get ready", self._arguments[0], extra={"pid": self.pid, "fix": fix})
            process.kill()
        except OSError as error:  # the machine is short of memory, of processes or of descriptors
            log.error("%s cannot be started", self._arguments[0], extra={"error": str(error)})
        return None

    async def wait_for_end(self) -> int:
        """Wait for its end; its exit code, -1 where the system could not start it."""
        return await self._process.wait() if self._process else -1

    async def stop(self, seconds: float = ENDING_SECONDS) -> None:
        """SIGTERM: end what you hold. The end of its input: give it back. Then SIGKILL."""
        process = self._process
        if process is None or process.stdin is None:
            return
        # The second step closes stdin: two signals that are sent at once may arrive as one.
        words = (process.terminate, seconds), (process.stdin.close, ENDING_SECONDS), (process.kill, None)
        for say, patience in words:
            if await _end(process, say, patience):
                break


def run_supervised(
    body: Callable[[Callable[[], None]], T],
    stop: Callable[[], object],
    hurry: Callable[[], None] = lambda: None,
    page: int | None = None,
) -> T:
    """The child's side: run `body(ready)`, which calls `ready` once it is, until it ends or `stop` ends it.

    SIGTERM and Ctrl-C call `stop`; a second one, or the death of the server, calls `hurry` before. `page` is the
    loopback port of this process's metrics, which its server is told (0: none); None where no server watches us.
    """
    asked = Event()

    def handle_signal(*_: object) -> None:
        if asked.is_set():
            hurry()
        asked.set()
        stop()

    def stop_orphan() -> None:
        hurry()
        stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle_signal)
    return body(lambda: None if page is None else _say_ready(stop_orphan, page))


def _say_ready(stop_orphan: Callable[[], None], page: int) -> None:
    print(READY_LINE, page, flush=True)  # noqa: T201 - the leash
    # Nobody reads on: a library that talks much to standard output would fill the pipe and stop us.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 4096):  # not through sys.stdin, whose lock an interpreter that ends wants
            pass
        stop_orphan()

    Thread(target=watch, name="supervisor", daemon=True).start()


async def _read_ready(process: Process) -> str | None:
    assert process.stdout is not None
    async for line in process.stdout:  # a library may chatter before
        if said := re.fullmatch(rf"{READY_LINE}(?: (\S+))?", line.decode("utf-8", "replace").rstrip()):
            return said[1] or ""
    return None


async def _end(process: Process, say: Callable[[], None], patience: float | None) -> bool:
    if process.returncode is None:
        say()
    with suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), patience)
    return process.returncode is not None
