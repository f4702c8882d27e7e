"""Live sound: a pipeline session for as long as somebody speaks. Nothing is stored, nothing can be resumed.

The engine runs in a process of its own, for the same reason as the worker's: what crashes in native code must not take
the server and its streams along. That process serves StreamAudio alone, on a socket that only this machine sees;
live/pool.py starts it when somebody first speaks, and passes messages on.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
from grpc_status import rpc_status

from emotalk import metrics, tracing
from emotalk.audio.limits import check_shape
from emotalk.audio.resample import resample
from emotalk.errors import BadSamples, EmoTalkError, EmptyAudio, InvalidRequest
from emotalk.face import Pcm
from emotalk.jobs.intake import new_id
from emotalk.pipeline import FaceChunk, Pipeline
from emotalk.shaping import Gains
from emotalk.wire import emotalk_pb2, emotalk_pb2_grpc
from emotalk.wire.convert import read_performance, to_failure, to_response
from emotalk.wire.status import status_of

MOST_LATENCY = 5.0
_SAMPLES: dict[int, str] = {emotalk_pb2.AudioSettings.PCM16: "<i2", emotalk_pb2.AudioSettings.FLOAT32: "<f4"}

Messages = Iterable[emotalk_pb2.AudioFrame]


class LiveService(emotalk_pb2_grpc.EmoTalkServiceServicer):
    """StreamAudio, and nothing else."""

    def __init__(self, pipeline: Pipeline, gains: Gains, max_seconds: float) -> None:
        self._pipeline, self._gains, self._max_seconds = pipeline, gains, max_seconds

    def StreamAudio(  # noqa: N802 - the contract's name
        self, messages: Messages, context: grpc.ServicerContext
    ) -> Iterator[emotalk_pb2.BlendshapeResponse]:
        """Frames while the sound is still coming."""
        request_id = ""
        try:
            stream = iter(messages)
            settings = _settings(stream)
            request_id = settings.request_id or new_id()
            with tracing.apart("converse", parent=dict(context.invocation_metadata()), request_id=request_id):
                for chunk, is_final in self._animate(stream, settings, request_id):
                    yield to_response(request_id, chunk.index, chunk.first_frame, chunk.frames, is_final)
        except EmoTalkError as error:
            yield to_failure(request_id, str(error))
            context.abort_with_status(rpc_status.to_status(status_of(error)))

    def _animate(
        self, stream: Messages, settings: emotalk_pb2.AudioSettings, seed: str
    ) -> Iterator[tuple[FaceChunk, bool]]:
        performance = read_performance(settings)
        performance.check(live=True)
        session = self._pipeline.live(performance, self._gains, seed, _latency(settings))
        for pcm in resample(self._sound(stream, settings), settings.sample_rate):
            yield from ((chunk, False) for chunk in session.push(pcm))
        rest = session.finish()
        if not rest:
            raise EmptyAudio("no sound came", "Send samples before you end the stream", "audio")
        yield from ((chunk, chunk is rest[-1]) for chunk in rest)

    def _sound(self, stream: Messages, settings: emotalk_pb2.AudioSettings) -> Iterator[Pcm]:
        samples = 0
        for message in stream:
            if message.HasField("settings"):
                raise InvalidRequest("settings", "they came a second time", "Send them in the first message only")
            block = _samples(message.audio, settings.encoding)
            samples += len(block)
            metrics.LIVE_SECONDS.inc(len(block) / settings.sample_rate)
            if samples > self._max_seconds * settings.sample_rate:
                fix = "Open a new stream, or start the server with a larger --max-seconds"
                raise InvalidRequest("audio", f"more than {self._max_seconds:g} s were spoken", fix)
            yield block


def _settings(stream: Iterator[emotalk_pb2.AudioFrame]) -> emotalk_pb2.AudioSettings:
    first = next(stream, None)
    if first is None or not first.HasField("settings"):
        raise InvalidRequest("settings", "the first message has none", "Send sample_rate and encoding first")
    if first.settings.encoding not in _SAMPLES:
        raise InvalidRequest("encoding", f"{first.settings.encoding} is unknown", "Use PCM16 or FLOAT32")
    check_shape(first.settings.sample_rate, channels=1)
    if first.audio:
        raise InvalidRequest("audio", "the first message has some", "Send the settings alone, then the sound")
    return first.settings


def _latency(settings: emotalk_pb2.AudioSettings) -> float | None:
    if not settings.HasField("latency_hint"):
        return None
    if not 0 <= settings.latency_hint <= MOST_LATENCY:
        raise InvalidRequest("latency_hint", f"{settings.latency_hint:g} is out of range", f"Use 0..{MOST_LATENCY:g} s")
    return float(settings.latency_hint)


def _samples(data: bytes, encoding: int) -> Pcm:
    kind = np.dtype(_SAMPLES[encoding])
    if len(data) % kind.itemsize:
        raise InvalidRequest("audio", f"{len(data)} bytes are no whole samples", "Cut between two samples")
    samples: Pcm = np.frombuffer(data, kind).astype(np.float32)
    if kind.kind == "i":
        return samples / np.float32(2**15)
    if not np.isfinite(samples).all():
        raise BadSamples("a sample is not a finite number", "Send samples in -1..1", "audio")
    return np.clip(samples, -1, 1)


def serve(service: LiveService, address: str, places: int) -> grpc.Server:
    """Serve on `address` for `places` speakers at once; whoever comes when all are taken is refused at once."""
    server = grpc.server(ThreadPoolExecutor(places, thread_name_prefix="live"), maximum_concurrent_rpcs=places)
    emotalk_pb2_grpc.add_EmoTalkServiceServicer_to_server(service, server)
    server.add_insecure_port(address)
    server.start()
    return server
