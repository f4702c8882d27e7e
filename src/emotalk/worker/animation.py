"""One job on its way through the pipeline, on a thread of its own."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextvars import copy_context
from functools import partial

from emotalk import tracing
from emotalk.audio import decode_flac_blocks
from emotalk.errors import AudioError, EmoTalkError, EngineError
from emotalk.jobs import Job, Part
from emotalk.jobs.job import PART_FRAMES
from emotalk.pipeline import FaceChunk, Pipeline
from emotalk.timebase import SAMPLE_RATE, seconds

PUSH_SAMPLES = SAMPLE_RATE


class Animation:
    """Starts at once. `publish` takes the parts of one chunk and returns when they are acknowledged."""

    def __init__(
        self, pipeline: Pipeline, job: Job, publish: Callable[[list[Part]], None], monotonic: Callable[[], float]
    ) -> None:
        self._pipeline, self._job = pipeline, job
        self._fingerprint = pipeline.fingerprint
        self._publish = publish
        self._monotonic = monotonic
        self._abandoned: EmoTalkError | None = None
        self._engine_since: float | None = None
        self._engine_total = 0.0
        self._arrived = 0
        # An executor rather than a bare thread: its future hands over whatever an engine raises.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="animation")
        # In this thread's context, so that its spans belong to the attempt.
        self._future: Future[None] = self._thread.submit(copy_context().run, self._perform)
        self._thread.shutdown(wait=False)

    def wait(self, timeout: float) -> bool:
        """True once the job has ended, well or not."""
        return bool(wait_for([self._future], timeout).done)

    def abandon(self, error: EmoTalkError) -> None:
        """Stop at the next window, with this error; nothing is published any more."""
        self._abandoned = self._abandoned or error

    @property
    def error(self) -> EmoTalkError | None:
        """How the job failed, once it has ended; any error that is not ours is the engine's."""
        error = self._future.exception()
        if error is None or isinstance(error, EmoTalkError):
            return error
        failure = EngineError(f"{type(error).__name__}: {error}")
        failure.__cause__ = error
        return failure

    def engine_seconds(self) -> float:
        """Time in the engine so far; waiting for the log is not the engine's fault and does not count."""
        since = self._engine_since
        return self._engine_total + (self._monotonic() - since if since is not None else 0.0)

    @property
    def sound_seconds(self) -> float:
        """How much of the clip has gone into the engine."""
        return seconds(self._arrived)

    def _perform(self) -> None:
        self._since = time.time()
        session = self._pipeline.open(self._job.performance, self._job.gains, self._job.seed)
        for pcm in decode_flac_blocks(self._job.flac, PUSH_SAMPLES):
            self._arrived += len(pcm)
            if self._arrived > self._job.samples:
                break
            self._answer(self._measure_time(partial(session.push, pcm)))
        if self._arrived != self._job.samples:
            raise AudioError(
                f"{self._arrived} samples were found where {self._job.samples} were promised", "Send it again"
            )
        self._answer(self._measure_time(session.finish))

    def _measure_time(self, work: Callable[[], list[FaceChunk]]) -> list[FaceChunk]:
        if self._abandoned:
            raise self._abandoned
        self._engine_since = self._monotonic()
        try:
            return work()
        finally:
            self._engine_total += self._monotonic() - self._engine_since
            self._engine_since = None

    def _answer(self, chunks: list[FaceChunk]) -> None:
        for chunk in chunks:
            if self._abandoned:
                raise self._abandoned
            frames = len(chunk.frames)
            tracing.record_past("animate", self._since, chunk=chunk.index, first_frame=chunk.first_frame, frames=frames)
            self._publish(list(self._split_parts(chunk)))
            self._since = time.time()

    def _split_parts(self, chunk: FaceChunk) -> Iterator[Part]:
        for start in range(0, len(chunk.frames), PART_FRAMES):
            frames = chunk.frames[start : start + PART_FRAMES]
            yield Part(
                self._job.request_id,
                self._fingerprint,
                chunk.index,
                chunk.first_frame + start,
                self._job.frames,
                start + PART_FRAMES >= len(chunk.frames),
                frames,
                digest=self._job.digest,
                feelings=chunk.feelings.of_frames(chunk.first_frame + start, chunk.first_frame + start + len(frames)),
            )
