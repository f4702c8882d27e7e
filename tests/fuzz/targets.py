"""What is fuzzed: a target takes bytes and says in a word what became of them; all else that it raises is a defect."""

import contextlib
import io
import logging
import math
import random
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from google.protobuf.message import DecodeError

from emotalk.audio import AS_IT_IS, Limits, Sent, decode_flac_blocks
from emotalk.audio.apart import Decoders, Fence
from emotalk.client.exchange import Exchange
from emotalk.engines.emotalk import convert, find_weights
from emotalk.engines.emotalk.checkpoint import Checkpoint
from emotalk.engines.emotalk.converted import open_converted
from emotalk.errors import (
    AudioError,
    CheckpointError,
    ForeignRecord,
    InvalidRequest,
    JobFailed,
    NewerRecord,
    UndecodableAudio,
)
from emotalk.jobs import DeadLetter, Failure, Part
from emotalk.jobs.codec import decode_job, decode_letter, decode_part, encode_job, encode_letter, encode_part
from emotalk.jobs.intake import Intake
from emotalk.live.conversation import Opening, pack_opening, unpack_opening
from emotalk.queues.kafka.claims.marks import read_mark
from emotalk.queues.kafka.job_notes.notes import Note, decode_note, encode_note
from emotalk.server.contracts.emotalk_messages import to_order
from emotalk.shaping import Adjusted
from emotalk.wire import emotalk_pb2, records_pb2
from emotalk.wire.a2f import a2f_pb2, controller_pb2
from emotalk.wire.audio2face import BLEND_SHAPES, Asked, read_header, read_piece, to_remarks
from emotalk.wire.audio2face_emotions import CallersEmotions, read_settings
from emotalk.wire.audio2face_parameters import Remarks, list_face_defaults
from emotalk.wire.convert import to_response
from tests.fuzz.mutate import mutated, with_other_fields
from tests.parity.seeded_checkpoint import save, write_checkpoint
from tests.unit.audio_files import speech, valid_files, written
from tests.unit.stage import job
from tests.unit.strangers import MEDIA, PLAIN, recorded

LIMITS = Limits(max_seconds=20, max_bytes=4 * 2**20)
NOW = 1_800_000_000.0
SERVICE = emotalk_pb2.DESCRIPTOR.services_by_name["EmoTalkService"]

Run = Callable[[bytes], str]


class Defect(AssertionError):
    """Something that no bytes may bring about."""


@dataclass(frozen=True)
class Target:
    """`corpus`: valid bytes to begin from. `mutate` makes one case of them; `run` tries it."""

    corpus: Sequence[bytes]
    run: Run
    mutate: Callable[[Sequence[bytes], random.Random], bytes] = mutated

    def case(self, seed: int) -> bytes:
        """Case number `seed`, the same every time."""
        return self.mutate(self.corpus, random.Random(seed))


def audio(stack: ExitStack, _: Path) -> Target:
    """The decoder in its child: a child that dies is a defect, though the server would live."""
    return _decoding(stack, list(valid_files().values()))


def containers(stack: ExitStack, _: Path) -> Target:
    """Files of phones, browsers and studios in the same child, by PyAV and libsndfile; damage is put up with."""
    files = [recorded(name) for name in MEDIA]
    files += [written(speech(0.3), 16_000, *PLAIN[name]) for name in ("AIFF", "AU", "CAF", "W64", "WAV (IMA_ADPCM)")]
    return _decoding(stack, files, Sent(lenient=True))


def _decoding(stack: ExitStack, files: list[bytes], sent: Sent = AS_IT_IS) -> Target:
    decoders = stack.enter_context(Decoders(LIMITS, Fence(2**29, 20.0, 40.0), 1))
    pool = logging.getLogger("emotalk.audio.apart.pool")
    pool.addFilter(_lost)
    stack.callback(pool.removeFilter, _lost)

    def run(data: bytes) -> str:
        try:
            sound = decoders.prepare(data, LIMITS, sent)
        except UndecodableAudio as broken:
            raise Defect(str(broken)) from broken
        except AudioError as refused:
            return type(refused).__name__
        if sum(block.size for block in decode_flac_blocks(sound.flac)) != sound.samples:
            raise Defect("what was prepared is not what the worker will decode")
        return "sound"

    return Target(files, run)


def _lost(record: logging.LogRecord) -> bool:
    """A second try hides the first child's death from the caller; here it is a defect."""
    raise Defect(f"{record.getMessage()}: {record.__dict__['error']}")


def checkpoint(_: ExitStack, folder: Path) -> Target:
    """The reader of EmoTalk.pth: the whole file, and the pickle in a zip that is whole."""
    items = [("a", np.arange(6, dtype=np.float32).reshape(2, 3)), ("module.b", np.ones(4, np.float16))]
    seeds = [save(folder / f"{n}.pth", items, aligned=bool(n), nested=n == 2).read_bytes() for n in range(3)]
    path = folder / "case.pth"

    def run(data: bytes) -> str:
        path.write_bytes(data)
        try:
            found = Checkpoint(path)
            for name in found.records:
                if found.read(name).nbytes > 4 * len(data):
                    raise Defect(f"{name} takes more memory than the file has bytes")
            found.identity(found.records)
        except CheckpointError:
            return "refused"
        return "tensors"

    def mutate(corpus: Sequence[bytes], draw: random.Random) -> bytes:
        return _with_other_pickle(corpus, draw) if draw.random() < 0.5 else mutated(corpus, draw)

    return Target(seeds, run, mutate)


def converted(_: ExitStack, folder: Path) -> Target:
    """The reader of the converted file beside a checkpoint."""
    source = find_weights(write_checkpoint(folder / "tiny.pth"))
    path = folder / "tiny.bf16.safetensors"
    convert(source, path)
    whole = path.read_bytes()

    def run(data: bytes) -> str:
        path.write_bytes(data)
        try:
            open_converted(source, path)
        except CheckpointError:
            return "refused"
        if data != whole:
            raise Defect("a changed file was taken for the whole one")
        return "weights"

    return Target([whole], run)


def codec(_: ExitStack, __: Path) -> Target:
    """Records of all kinds, and on Kafka the marks in commits and the notes about jobs."""
    part = Part("one", "tone-1", 2, 735, 1800, True, np.ones((2, 52), np.float32), Failure("EngineError", "no"))
    whole = job("one", 0.1)
    letter = DeadLetter("one", encode_job(whole), Failure("EngineError", "five times"), 5, NOW, 3, 2**40)
    mark = b'{"request": "one", "attempt": 2}'
    note = encode_note(Note(2, "dead", 3, 0, "d", {"seconds": "1.5"}, 5, "NaN", (1, 7), (1, 9), 1.5, 2.5, (0, 4)))

    def run(data: bytes) -> str:
        read_mark(0, data.decode("utf-8", "replace"))
        found = decode_note(data)
        if found is not None and decode_note(encode_note(found)) != found:
            raise Defect("a note that reads differently when it is written again")
        outcomes = [_again(data, *pair) for pair in _CODECS]
        return next((each for each in outcomes if each != "refused"), "refused")

    def mutate(corpus: Sequence[bytes], draw: random.Random) -> bytes:
        kind = draw.randrange(2 * len(_RECORDS))
        if kind >= len(_RECORDS):
            return mutated(corpus, draw)
        message = _RECORDS[kind].FromString(corpus[kind][_HEAD:])
        return corpus[kind][:_HEAD] + with_other_fields(message, draw).SerializeToString()

    return Target([encode_job(whole), encode_part(part), encode_letter(letter), mark, note], run, mutate)


def wire(_: ExitStack, __: Path) -> Target:
    """A request's bytes on their way into a job; its sound is decoded in this process."""
    intake = Intake(LIMITS)

    def run(data: bytes) -> str:
        try:
            request = emotalk_pb2.AudioRequest.FromString(data)
        except DecodeError:
            return "no message"
        try:
            accepted = intake.accept(to_order(request), lambda: NOW)
        except InvalidRequest as refused:
            return type(refused).__name__
        if decode_job(encode_job(accepted)) != accepted:
            raise Defect("the job is not the same after its way through the log")
        return "job"

    return Target(requests(), run, _other_requests)


def _other_requests(corpus: Sequence[bytes], draw: random.Random) -> bytes:
    if draw.random() < 0.3:
        return mutated(corpus, draw)
    message = emotalk_pb2.AudioRequest.FromString(draw.choice(corpus))
    return bytes(with_other_fields(message, draw).SerializeToString())


def requests() -> list[bytes]:
    """Valid requests, with and without each field."""
    sound = list(valid_files().values())
    fields: dict[str, Any] = {"emotion_level": 1, "person_id": 3, "post_processing": True}
    windows: dict[str, Any] = {"chunk_duration": 2.0, "chunk_overlap": 0.5, "session_id": "s"}
    messages = [emotalk_pb2.AudioRequest(request_id="é", audio_data=each, **fields, **windows) for each in sound]
    messages.append(emotalk_pb2.AudioRequest(audio_data=sound[0]))
    return [message.SerializeToString() for message in messages]


def answer(_: ExitStack, __: Path) -> Target:
    """A server's bytes on their way into a client's frames."""
    chunks = [to_response("one", n, 4 * n, np.full((4, 52), n, np.float32), n == 2) for n in range(3)]

    def run(data: bytes) -> str:
        taking = Exchange(60.0, 1.0, from_frame=4)
        try:
            chunk = taking.take(emotalk_pb2.BlendshapeResponse.FromString(data))
        except DecodeError:
            return "no message"
        except JobFailed:
            return "no answer"
        if chunk and (chunk.first_frame != 4 or chunk.frames.shape[1:] != (52,)):
            raise Defect("frames that no server has sent")
        return "chunk" if chunk else "nothing new"

    def mutate(corpus: Sequence[bytes], draw: random.Random) -> bytes:
        if draw.random() < 0.5:
            return mutated(corpus, draw)
        response = emotalk_pb2.BlendshapeResponse.FromString(draw.choice(corpus))
        with_other_fields(draw.choice(response.frames), draw)
        return bytes(response.SerializeToString())

    return Target([chunk.SerializeToString() for chunk in chunks], run, mutate)


def calls(channel: grpc.Channel) -> Target:
    """Bytes as the message of every call of the contract, over a real connection; a defect looks like UNKNOWN."""
    methods = [f"/{SERVICE.full_name}/{method.name}" for method in SERVICE.methods]

    def run(data: bytes) -> str:
        method = methods[len(data) % len(methods)]
        try:
            list(channel.stream_stream(method)(iter([data]), timeout=20))
        except grpc.RpcError as error:
            if error.code() in (grpc.StatusCode.UNKNOWN, grpc.StatusCode.DEADLINE_EXCEEDED):
                raise Defect(f"{method}: {error.code()}: {error.details()}") from error
            return str(error.code().name)
        return "OK"

    return Target(requests(), run, _other_requests)


def audio2face(_: ExitStack, __: Path) -> Target:
    """The bytes of one message of an Audio2Face-3D call: a header's way to the engine, or a piece of sound."""

    def run(data: bytes) -> str:
        try:
            message = controller_pb2.AudioStream.FromString(data)
        except DecodeError:
            return "no message"
        try:
            if message.HasField("audio_stream_header"):
                return _opened(read_header(message))
            piece = read_piece(message)
            if piece is None:
                return "end"
            emotions = CallersEmotions(read_settings(*_NOTHING_SAID), Remarks())
            emotions.hear(piece.emotions)
            emotions.performance().check()
            return "emotions" if emotions.keys else "sound"
        except InvalidRequest as refused:
            return type(refused).__name__

    def mutate(corpus: Sequence[bytes], draw: random.Random) -> bytes:
        message = controller_pb2.AudioStream.FromString(draw.choice(corpus))
        header = message.audio_stream_header
        for key in message.audio_with_emotion.emotions:
            key.time_code = draw.choice((math.nan, math.inf, -1.0, 0.0, 1e300, 7.5))
            key.emotion[draw.choice(("joy", "out_of_breath", "no such"))] = draw.choice(
                (math.nan, -0.1, 0.3, 1.0, 1e30)
            )
            if draw.random() < 0.8:
                return bytes(message.SerializeToString())
        if draw.random() < 0.5 or not message.HasField("audio_stream_header"):
            return mutated(corpus, draw)
        for part in (header.audio_header, header.blendshape_params, header.emotion_post_processing_params):
            if draw.random() < 0.3:
                with_other_fields(part, draw)
        number = draw.choice((math.nan, math.inf, -1e30, -1.0, 0.0, 0.5, 3.0))
        header.face_params.float_params[draw.choice((*list_face_defaults(), "no such"))] = number
        header.blendshape_params.bs_weight_offsets[draw.choice(BLEND_SHAPES)] = number
        return bytes(message.SerializeToString())

    return Target(_audio2face_messages(), run, mutate)


_NOTHING_SAID = a2f_pb2.EmotionPostProcessingParameters(), a2f_pb2.EmotionParameters(), Remarks()


def _opened(asked: Asked) -> str:
    """What is asked goes to the engine's process and comes out the same; no number in it is beyond its range."""
    remarks = list(to_remarks(asked.emotions.remarks))
    performance = asked.emotions.performance()
    opening = Opening("fuzz", performance, asked.rate, as_clip=True, adjustment=asked.adjustment)
    if unpack_opening(pack_opening(opening, {}))[0] != opening:
        raise Defect("the opening is not the same after its way to the engine")
    face = Adjusted(asked.adjustment).push(np.full((3, 52), 0.5, np.float32)) if asked.adjustment else np.zeros(1)
    if np.isnan(face).any():
        raise Defect("a face that is not a number")
    return "header with remarks" if remarks else "header"


def _audio2face_messages() -> list[bytes]:
    stream, sound = controller_pb2.AudioStream, a2f_pb2.AudioWithEmotion(audio_buffer=bytes(640))
    header = stream()
    pcm = header.audio_stream_header.audio_header
    pcm.channel_count, pcm.samples_per_second, pcm.bits_per_sample = 1, 16_000, 16
    header.audio_stream_header.face_params.float_params["lowerFaceStrength"] = 1.25
    sound.emotions.add(time_code=0.5).emotion["joy"] = 0.8
    messages = (header, stream(audio_with_emotion=sound), stream(end_of_audio=stream.EndOfAudio()))
    return [message.SerializeToString() for message in messages]


_RECORDS = (records_pb2.Job, records_pb2.Part, records_pb2.DeadLetter)
_HEAD = 6
_CODECS: tuple[tuple[Callable[[bytes], Any], Callable[[Any], bytes]], ...] = (
    (decode_job, encode_job),
    (decode_part, encode_part),
    (decode_letter, encode_letter),
)


def _again(data: bytes, decode: Callable[[bytes], Any], encode: Callable[[Any], bytes]) -> str:
    """What can be read can be written and read again."""
    try:
        record = decode(data)
    except (ForeignRecord, NewerRecord):
        return "refused"
    encode(decode(encode(record)))
    return type(record).__name__


def _with_other_pickle(corpus: Sequence[bytes], draw: random.Random) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(draw.choice(corpus))) as whole, zipfile.ZipFile(out, "w") as made:
        for name in whole.namelist():
            entry = whole.read(name)
            made.writestr(name, mutated([entry], draw) if name.endswith("data.pkl") else entry)
    return out.getvalue()


@contextlib.contextmanager
def opened(name: str, folder: Path) -> Iterator[Target]:
    """A target by its name, ready to be run."""
    with ExitStack() as stack:
        yield TARGETS[name](stack, folder)


TARGETS: dict[str, Callable[[ExitStack, Path], Target]] = {
    "audio": audio,
    "containers": containers,
    "checkpoint": checkpoint,
    "converted": converted,
    "codec": codec,
    "wire": wire,
    "answer": answer,
    "audio2face": audio2face,
}
