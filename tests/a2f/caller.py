"""A stranger's client, made of the page's facts alone."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Any

import grpc
import numpy as np

from tests.a2f.page import END, PROCESS, Answer, AudioStream, header, piece, unpacked
from tests.integration.served import PATIENCE
from tests.unit.stage import tones

FPS = 30


def pcm(seconds: float, rate: int = 16_000, seed: int = 0) -> bytes:
    """16 bits, mono."""
    samples = round(seconds * rate)
    return (np.resize(tones(min(samples, 160_000) or 1, seed), samples) * 30_000).astype("<i2").tobytes()


def pieces(sound: bytes, samples: int) -> list[Any]:
    return [piece(sound[at : at + 2 * samples]) for at in range(0, len(sound), 2 * samples)]


def clip(sound: bytes, rate: int = 16_000, samples: int = 0, **parameters: Any) -> list[Any]:
    """All that a sample client sends of a clip: a second in each piece."""
    return [header(rate, **parameters), *pieces(sound, samples or rate), END]


def open_call(
    channel: grpc.Channel, messages: Iterable[Any], metadata: Sequence[tuple[str, str]] = (), timeout: float = PATIENCE
) -> Any:
    """The call, not yet read."""
    call = channel.stream_stream(
        PROCESS, request_serializer=AudioStream.SerializeToString, response_deserializer=Answer.FromString
    )
    return call(iter(messages), metadata=metadata, timeout=timeout)


def unfinished(messages: Iterable[Any], done: Event) -> Iterator[Any]:
    """As clients send: they never close their side."""
    yield from messages
    done.wait(2 * PATIENCE)


@dataclass
class Heard:
    """What a caller makes of the answers."""

    answers: list[Any]

    @property
    def kinds(self) -> list[str]:
        return [answer.WhichOneof("stream_part") for answer in self.answers]

    @property
    def header(self) -> Any:
        return self.answers[0].animation_data_stream_header

    @property
    def frames(self) -> list[Any]:
        return [each.animation_data for each in self.answers if each.HasField("animation_data")]

    @property
    def rows(self) -> np.ndarray:
        return np.array([each.skel_animation.blend_shape_weights[0].values for each in self.frames], np.float32)

    @property
    def times(self) -> list[float]:
        return [each.skel_animation.blend_shape_weights[0].time_code for each in self.frames]

    @property
    def echo(self) -> bytes:
        return b"".join(each.audio.audio_buffer for each in self.frames)

    @property
    def statuses(self) -> list[tuple[int, str]]:
        return [(each.status.code, each.status.message) for each in self.answers if each.HasField("status")]

    @property
    def emotions(self) -> list[Any]:
        return [unpacked(each) for each in self.answers if each.HasField("animation_data")]

    def said(self, code: int) -> list[str]:
        return [sentence for each, sentence in self.statuses if each == code]


def hear(channel: grpc.Channel, messages: Iterable[Any], **options: Any) -> Heard:
    """The whole answer. The client's side stays open until then."""
    done = Event()
    try:
        return Heard(list(open_call(channel, unfinished(messages, done), **options)))
    finally:
        done.set()


def refused(
    channel: grpc.Channel, messages: Iterable[Any], answers: list[Any] | None = None, **options: Any
) -> tuple[Heard, grpc.RpcError]:
    """What came before the refusal, which is added to `answers` as it comes, and the refusal."""
    answers = [] if answers is None else answers
    done = Event()
    call = open_call(channel, unfinished(messages, done), **options)
    try:
        for answer in call:
            answers.append(answer)
    except grpc.RpcError as error:
        return Heard(answers), error
    finally:
        done.set()
    raise AssertionError(f"it was answered: {Heard(answers).statuses}")
