"""The server's end of one decoding child.

Not multiprocessing, nor a library of pools: those give the child the server's environment and main module, and leave it
behind where the server is killed. Two pipes, one of which ends with the server, do neither.
"""

import math
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import BinaryIO, cast

from emotalk.audio.apart import frames
from emotalk.audio.apart.fence import MEGABYTE, Fence
from emotalk.audio.limits import CONVERT
from emotalk.audio.prepared import Prepared
from emotalk.audio.sent import AS_IT_IS, Sent
from emotalk.errors import AudioError, EngineError, UndecodableAudio
from emotalk.limits import Limits
from emotalk.supervision.program import PIPES, command
from emotalk.timebase import SAMPLE_RATE

PROGRAM = ("-m", "emotalk.audio.apart.child")
WARM_SECONDS = 60.0
PIPE_BYTES = MEGABYTE
"""Half a minute of speech goes through at once; each of the usual 64 KiB costs two turns of the scheduler. (Linux.)"""
ENDING_SECONDS = 1.0
_NEEDED = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TEMP", "TMPDIR")
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
_LONGEST_WORDS = 1_000
_RAVES = ", whose answer makes no sense"
_REFUSALS: dict[str, type[AudioError]] = {kind.__name__: kind for kind in AudioError.__subclasses__()}


CLIPS = 1_000
"""A child that has decoded so many is replaced: nothing that a clip leaves behind adds up for ever."""


class Died(Exception):
    """The child is gone and the clip may not be to blame: what an earlier clip left behind is not known."""


class Killed(Died):
    """Somebody sent it SIGKILL, and it was not us."""


class Decoder:
    """One process, from its start on. One thread at a time."""

    def __init__(self, limits: Limits, fence: Fence, program: Sequence[str] = PROGRAM) -> None:
        words = (limits.max_seconds, limits.max_bytes, fence.memory, fence.cpu_seconds)
        self._fence, self._most_samples = fence, int(limits.max_seconds * SAMPLE_RATE) + 1
        self._warm = self._late = False
        self._deadline, self._clips = math.inf, 0
        self._process = subprocess.Popen(
            command(program, *words), **PIPES, pipesize=PIPE_BYTES, env=_list_environment(os.environ)
        )
        self._to, self._from = cast(BinaryIO, self._process.stdin), cast(BinaryIO, self._process.stdout)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def alive(self) -> bool:
        """False once it has died."""
        return self._process.poll() is None

    def worn(self) -> bool:
        """True once it has decoded enough."""
        return self._clips >= CLIPS

    def prepare(self, clip: bytes, sent: Sent = AS_IT_IS) -> Prepared:
        """Have it decoded. Raises AudioError, Died, EngineError."""
        self._get_warm()
        self._clips += 1
        with self._set_deadline(self._fence.wall_seconds):
            answer = self._exchange(lambda: frames.write_clip(self._to, clip, sent))
        if answer is None:
            raise self._find_cause_of_death()
        return self._read(answer)

    def kill(self) -> None:
        """At once, whatever it is at."""
        self._process.kill()

    def end(self) -> None:
        """Let it go; the end of its input tells it. Whatever is left is killed."""
        with suppress(OSError):
            self._to.close()
        try:
            self._process.wait(ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._from.close()

    def _get_warm(self) -> None:
        if self._warm:
            return
        with self._set_deadline(WARM_SECONDS):
            answer = self._exchange(lambda: None)
        if answer is None and isinstance(killed := self._find_cause_of_death(), Killed):
            raise killed
        if answer is None or answer.kind != frames.READY:
            raise EngineError("the audio decoder did not start; standard error says why")
        self._warm = True

    def _exchange(self, say: Callable[[], None]) -> frames.Reply | None:
        with suppress(BrokenPipeError):
            say()
        return frames.read_answer(self._from, 4 * self._most_samples + MEGABYTE)

    @contextmanager
    def _set_deadline(self, seconds: float) -> Iterator[None]:
        self._deadline = time.monotonic() + seconds
        try:
            yield
        finally:
            self._deadline = math.inf

    def kill_if_late(self, now: float) -> None:
        """Called by the pool's clock, since the thread that waits for an answer can do nothing else."""
        if now > self._deadline:
            self._late = True
            self._process.kill()

    def _find_cause_of_death(self) -> AudioError | Died:
        fence = self._fence
        try:
            code = self._process.wait(ENDING_SECONDS)
        except subprocess.TimeoutExpired:  # it lives, and has said what none of ours would
            return self._kill_broken(_RAVES)
        if self._late:
            return _make_undecodable_error(f"decoding it took longer than {fence.wall_seconds:g} s")
        if code == -signal.SIGXCPU:
            return _make_undecodable_error(f"decoding it took more than {fence.cpu_seconds:g} s of a processor")
        if code == -signal.SIGKILL:
            return Killed("its decoder was killed")
        return Died(f"it broke its decoder ({_name_exit(code)})")

    def _read(self, answer: frames.Reply) -> Prepared:
        if answer.kind == frames.OUT_OF_MEMORY:
            raise _make_undecodable_error(
                f"decoding it takes more than {self._fence.memory / MEGABYTE:.0f} MiB of memory"
            )
        if answer.kind == frames.BROKE:
            raise self._kill_broken(f" ({_keep_printable(answer.payload.decode('utf-8', 'replace'))})")
        if answer.kind == frames.REFUSED:
            raise _read_refusal(answer.payload) or self._kill_broken(_RAVES)
        if answer.kind != frames.SOUND or not _is_flac_of(answer.payload, answer.samples, self._most_samples):
            raise self._kill_broken(_RAVES)
        return Prepared(answer.samples, answer.payload, _keep_printable(answer.missing))

    def _kill_broken(self, how: str) -> Died:
        """What a stranger's clip has got into its power is not used again."""
        self._process.kill()
        self._process.wait()
        return Died(f"it broke its decoder{how}")


def _list_environment(ours: Mapping[str, str]) -> dict[str, str]:
    """What Python needs to start, and no secrets."""
    kept = {name: value for name, value in ours.items() if name in _NEEDED or name.startswith("PYTHON")}
    return kept | _ONE_THREAD


def _make_undecodable_error(problem: str) -> UndecodableAudio:
    return UndecodableAudio(problem, CONVERT)


def _read_refusal(payload: bytes) -> AudioError | None:
    name, *words = payload.decode("utf-8", "replace").split("\0")
    if name not in _REFUSALS or len(words) != 2:
        return None
    problem, fix = map(_keep_printable, words)
    return _REFUSALS[name](problem, fix)


def _keep_printable(words: str) -> str:
    return "".join(filter(str.isprintable, words))[:_LONGEST_WORDS]


def _is_flac_of(payload: bytes, samples: int, most: int) -> bool:
    """The header of what is to go into the log: FLAC at 16 kHz, mono, of just so many samples."""
    bits = int.from_bytes(payload[18:26], "big")
    shape = (payload[:4], bits >> 44, bits >> 41 & 7, bits & (1 << 36) - 1)
    return 0 < samples <= most and shape == (b"fLaC", SAMPLE_RATE, 0, samples)


def _name_exit(code: int) -> str:
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f"exit code {code}"
