"""EmoTalkService's messages: read into what the server works with, and made of what it has to say."""

import string
from collections.abc import AsyncIterator
from urllib.parse import quote

from emotalk.errors import InvalidRequest
from emotalk.feelings import EmotionKey, check_keys
from emotalk.jobs.intake import Order, make_id
from emotalk.live.conversation import Encoding, Opening, SoundBlock
from emotalk.queues.strangers import MOST
from emotalk.server.answers.dispatch import Accepted
from emotalk.server.answers.job_calls import Standing, number_of
from emotalk.wire import emotalk_pb2
from emotalk.wire.convert import from_message, read_performance, to_job

_PLAIN = string.ascii_letters + string.digits + "!#$&'()*+,/:;=?@[]^`{|}"
_ENCODINGS: dict[int, Encoding] = {
    emotalk_pb2.AudioSettings.PCM16: "pcm16",
    emotalk_pb2.AudioSettings.FLOAT32: "float32",
}


def to_order(request: emotalk_pb2.AudioRequest, fresh: bool = False) -> Order:
    """Message → order; `fresh`: its id was made here. Raises InvalidRequest for a parameter that cannot be read."""
    return Order(request.audio_data, request.request_id, request.session_id, read_performance(request), fresh)


def metadata_of(accepted: Accepted) -> tuple[tuple[str, str], ...]:
    """Percent-encoded, since a header is plain ASCII and an id need not be."""
    request_id = ("request-id", quote(accepted.request_id, safe=_PLAIN))
    return (request_id,) if accepted.position is None else (request_id, ("queue-position", str(accepted.position)))


def to_message(standing: Standing) -> emotalk_pb2.Job:
    """Where a job stands, as the wire has it."""
    row = standing.row
    return to_job(
        row.request_id,
        row.state,
        queue_position=standing.position,
        frames_done=standing.frames_done,
        frames_total=standing.frames_total,
        audio_seconds=number_of(row, "seconds"),
        attempts=row.attempts,
        epoch=min(row.epoch, MOST),
        error_message=row.error,
        submitted_at=number_of(row, "submitted_at"),
        started_at=row.started_at,
        finished_at=row.finished_at,
        missing=row.headers.get("missing", ""),
    )


def to_opening(first: emotalk_pb2.AudioFrame | None) -> Opening:
    """The first message of a live stream → opening; no id, a new one. Raises InvalidRequest."""
    if first is None or not first.HasField("settings"):
        raise InvalidRequest("settings", "the first message has none", "Send sample_rate and encoding first")
    settings = first.settings
    if settings.encoding not in _ENCODINGS:
        raise InvalidRequest("encoding", f"{settings.encoding} is unknown", "Use PCM16 or FLOAT32")
    if first.audio:
        raise InvalidRequest("audio", "the first message has some", "Send the settings alone, then the sound")
    latency = settings.latency_hint if settings.HasField("latency_hint") else None
    encoding = _ENCODINGS[settings.encoding]
    sound = settings.sample_rate, encoding, latency
    return Opening(settings.request_id or make_id(), read_performance(settings), *sound, as_response=True)


async def to_blocks(messages: AsyncIterator[emotalk_pb2.AudioFrame]) -> AsyncIterator[SoundBlock]:
    """All other messages → sound. Raises InvalidRequest."""
    async for message in messages:
        if message.HasField("settings"):
            raise InvalidRequest("settings", "they came a second time", "Send them in the first message only")
        yield SoundBlock(message.audio, _read_keys(message) if message.emotions or message.feels else None)


def _read_keys(message: emotalk_pb2.AudioFrame) -> tuple[EmotionKey, ...]:
    keys = tuple(from_message(EmotionKey, key) for key in message.emotions)
    check_keys(keys)
    return keys
