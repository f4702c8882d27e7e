"""Live sound: a pipeline session for as long as somebody speaks. Nothing is stored, nothing can be resumed.

The engine runs in a process of its own, for the same reason as the worker's: what crashes in native code must not take
the server and its streams along. That process knows no contract, only the conversations that live/pool.py passes on.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from threading import Event

import grpc
from grpc_status import rpc_status

from emotalk import metrics, tracing
from emotalk.audio.misheard import FirstSound
from emotalk.audio.resample import recut, resample
from emotalk.audio.source import BLOCK
from emotalk.errors import EmoTalkError, EmptyAudio, InvalidRequest
from emotalk.face import Frames, Pcm
from emotalk.live.conversation import (
    METHOD,
    SERVICE,
    UNBOUNDED,
    LiveChunk,
    Opening,
    SoundBlock,
    pack_chunk,
    samples_of,
    unpack,
)
from emotalk.live.turns import ClipTurns
from emotalk.pipeline import FaceChunk, Pipeline, Session
from emotalk.shaping import Adjusted, Gains, Raw
from emotalk.supervision.sockets import LOOK_SECONDS, PrivateSocket
from emotalk.wire import live_pb2
from emotalk.wire.details import status_of


class LiveRoom:
    """Draws whoever speaks, each in a thread of its own."""

    def __init__(self, pipeline: Pipeline, gains: Gains, max_seconds: float) -> None:
        self._pipeline, self._gains, self._max_seconds = pipeline, gains, max_seconds
        self._turns = ClipTurns()

    def converse(self, opening: Opening, sound: Iterable[SoundBlock]) -> Iterator[LiveChunk]:
        """Frames while the sound is still coming. Raises InvalidRequest, EngineError."""
        session = self._session(opening)
        adjusted = Adjusted(opening.adjustment) if opening.adjustment else Raw()
        drawn = 0
        for pcm in resample(self._blocks(opening, sound, session), opening.sample_rate):
            with self._turn(opening, drawn):
                chunks = session.push(pcm)
            drawn += len(pcm)
            for chunk in chunks:
                yield _live(chunk, adjusted.push(chunk.frames), is_final=False)
        with self._turn(opening, drawn):
            rest = session.finish()
        if not rest:
            raise EmptyAudio("no sound came", "Send samples before you end the stream", "audio")
        for chunk in rest:
            yield _live(chunk, adjusted.push(chunk.frames), is_final=chunk is rest[-1])

    def _turn(self, opening: Opening, drawn: int) -> AbstractContextManager[None]:
        """Clips wait for each other; a speaker waits for nobody."""
        return self._turns.turn(drawn) if opening.as_clip else nullcontext()

    def _blocks(self, opening: Opening, sound: Iterable[SoundBlock], session: Session) -> Iterator[Pcm]:
        """A clip's are those of a file: a resampler's bytes depend on the blocks that it sees."""
        heard = self._heard(opening, sound, session)
        return recut(heard, BLOCK) if opening.as_clip else heard

    def _session(self, opening: Opening) -> Session:
        """The request's id decides the blinks, as a job's does."""
        if opening.as_clip:
            return self._pipeline.open(opening.performance, self._gains, opening.request_id, uncut=True)
        return self._pipeline.live(opening.performance, opening.latency, self._gains, opening.request_id)

    def _heard(self, opening: Opening, sound: Iterable[SoundBlock], session: Session) -> Iterator[Pcm]:
        samples, first = 0, FirstSound(opening.encoding)
        for block in sound:
            if block.emotions is not None:
                session.feel(block.emotions)
            first.hear(block.audio)
            pcm = samples_of(block, opening.encoding)
            samples += len(pcm)
            metrics.LIVE_SECONDS.inc(len(pcm) / opening.sample_rate)
            if samples > self._max_seconds * opening.sample_rate:
                fix = "Open a new stream, or start the server with a larger --max-seconds"
                raise InvalidRequest("audio", f"more than {self._max_seconds:g} s were spoken", fix)
            yield pcm
        first.end()


def _live(chunk: FaceChunk, frames: Frames, is_final: bool) -> LiveChunk:
    return LiveChunk(chunk.index, chunk.first_frame, frames, is_final, chunk.feelings)


def serve(room: LiveRoom, address: str, places: int) -> grpc.Server:
    """Serve on `address` for `places` speakers at once; whoever comes when all are taken is refused at once."""

    def converse(messages: Iterator[live_pb2.Spoken], context: grpc.ServicerContext) -> Iterator[live_pb2.Drawn]:
        try:
            opening, sound = unpack(messages)
            parent = dict(context.invocation_metadata())
            with tracing.apart("converse", parent=parent, request_id=opening.request_id):
                yield from map(pack_chunk, room.converse(opening, sound))
        except EmoTalkError as error:
            context.abort_with_status(rpc_status.to_status(status_of(error)))

    handler = grpc.stream_stream_rpc_method_handler(
        converse, live_pb2.Spoken.FromString, live_pb2.Drawn.SerializeToString
    )
    server = grpc.server(
        ThreadPoolExecutor(places, thread_name_prefix="live"), options=UNBOUNDED, maximum_concurrent_rpcs=places
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {METHOD: handler}),))
    server.add_insecure_port(address)
    server.start()
    return server


def serve_until(stop: Event, room: LiveRoom, address: str, places: int, ready: Callable[[], None]) -> list[grpc.Server]:
    """Serve until `stop`, also where a cleaner takes the socket away; gives the servers, whose streams may go on."""
    socket = PrivateSocket.of(address)
    if socket:
        socket.make_room()
    servers = [serve(room, address, places)]
    ready()
    while not stop.wait(LOOK_SECONDS):
        if socket and socket.is_missing():
            servers.append(serve(room, address, places))
    return servers
