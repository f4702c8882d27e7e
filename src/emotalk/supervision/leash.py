"""A process of our own program, on a leash: it says when it is ready, and ends when its input does.

A session of its own: Ctrl-C in a terminal reaches the server alone, which then stops its children in order.
"""

import asyncio
import logging
import os
import re
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Thread

log = logging.getLogger(__name__)

PROGRAM = ("-m", "emotalk")
"""What a child is, but for its words."""
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
        """Of the one that was started last."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> str | None:
        """Return once it is ready: what it says behind the word; None where it ended before, or took too long."""
        command = (sys.executable, *PROGRAM, *self._arguments, "--supervised")
        self._process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, env=self._environment, start_new_session=True, pass_fds=self._files
        )
        try:
            async with asyncio.timeout(WARMING_SECONDS):
                return await _ready(self._process)
        except TimeoutError:  # another one may fare better
            fix = "killed; see doctor for the engine"
            log.error("%s does not get ready", self._arguments[0], extra={"pid": self._process.pid, "fix": fix})
            self._process.kill()
            return None

    async def ended(self) -> int:
        """Wait for its end; its exit code."""
        assert self._process is not None
        return await self._process.wait()

    async def stop(self, seconds: float = ENDING_SECONDS) -> None:
        """SIGTERM: end what you hold. The end of its input: give it back. Then SIGKILL."""
        process = self._process
        if process is None or process.stdin is None:
            return
        # The second word is no second signal: two that are sent at once arrive as one.
        words = (process.terminate, seconds), (process.stdin.close, ENDING_SECONDS), (process.kill, None)
        for say, patience in words:
            if await _ends(process, say, patience):
                break


def say_ready(ended: Callable[[], None], more: str = "") -> None:
    """The child's side: tell the server that we are ready; `ended` is called once the server is gone."""
    print(f"{READY_LINE} {more}".rstrip(), flush=True)  # noqa: T201 - the leash
    # Nobody reads on: a library that talks much to standard output would fill the pipe and stop us.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 4096):  # not through sys.stdin, whose lock an interpreter that ends wants
            pass
        ended()

    Thread(target=watch, name="supervisor", daemon=True).start()


async def _ready(process: Process) -> str | None:
    assert process.stdout is not None
    async for line in process.stdout:  # a library may chatter before
        if said := re.fullmatch(rf"{READY_LINE}(?: (\S+))?", line.decode("utf-8", "replace").rstrip()):
            return said[1] or ""
    return None


async def _ends(process: Process, say: Callable[[], None], patience: float | None) -> bool:
    if process.returncode is None:
        say()
    with suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), patience)
    return process.returncode is not None
