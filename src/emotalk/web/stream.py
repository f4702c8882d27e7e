"""WS /v1/stream: a microphone in, a face out while it is speaking.

    → {"type": "start", "sample_rate": 48000, "encoding": "pcm16", "format": "binary"}   ← {"type": "started", …}
    → samples, binary, mono, little-endian, cut anywhere between two samples             ← frames, as they are ready
    → {"type": "emotions", "emotions": [{"time": 0, "joy": 0.8}]}: from the next sound on, instead of all before
    → {"type": "end"}                                                                    ← {"type": "end", "frames": 95}

Frames are JSON, {"type": "frames", "first_frame", "frames": [[52]…]}, or compact: uint32 first_frame, uint32 count and
count × 52 float16, all little-endian. Where the head was asked for, JSON has "head": [[yaw, pitch, roll]…] besides, and
the compact form count × 3 float16 behind them, in degrees. JSON has "feeling" wherever one is drawn, the compact form
where the start says "feeling": true: in the end uint32 first_step, uint32 count and count × 16 float16, the columns of
docs/feelings.md.

What goes wrong is {"type": "error", "problem": {…}}, and then the close.
"""

import asyncio
import json
import struct
from collections.abc import AsyncIterator
from typing import Any, Literal

import numpy as np
import orjson
from fastapi import APIRouter
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from emotalk.client import AsyncEmoTalkClient, Chunk, Live, Said
from emotalk.errors import DeadlineExceeded, EmoTalkError, InvalidRequest
from emotalk.feelings import read_keys
from emotalk.performance import PARAMETERS
from emotalk.web.events import describe_feeling
from emotalk.web.load import load_of
from emotalk.web.parameters import make_model, to_invalid_request
from emotalk.web.problems import Problem, problem_of
from emotalk.web.upstream import admit

POLICY_VIOLATION, INTERNAL_ERROR = 1008, 1011
START_SECONDS = 20.0
AHEAD = 64
"""Messages that may wait for the engine; beyond it the socket is not read, and its sender feels it."""


class Start(make_model("AskedLive", (each for each in PARAMETERS if each.live)), BaseModel):  # type: ignore[misc]
    """The first message."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["start"]
    sample_rate: int = Field(ge=8000, le=192_000)
    encoding: Literal["pcm16", "float32"] = "pcm16"
    latency: float | None = Field(None, ge=0, le=5)
    format: Literal["json", "binary"] = "json"
    feeling: bool = False

    def live(self) -> Live:
        """As the client wants it."""
        return Live(**{name: value for name, value in self if name not in ("type", "format", "feeling")})


router = APIRouter()


@router.websocket("/v1/stream")
async def stream(socket: WebSocket) -> None:
    """One speaker, from `start` to `end`."""
    try:
        client = await admit(socket)
    except (Problem, EmoTalkError) as refused:
        problem = refused if isinstance(refused, Problem) else problem_of(refused)
        return await socket.send_denial_response(problem.response())
    await socket.accept()
    try:
        await _converse(socket, client)
    except WebSocketDisconnect:
        pass  # whoever hangs up wants no more; nothing is stored
    except Problem as problem:
        await _fail(socket, problem)
    except EmoTalkError as error:
        await _fail(socket, problem_of(error))


async def _converse(socket: WebSocket, client: AsyncEmoTalkClient) -> None:
    start = await _start(socket)
    live = start.live()
    await socket.send_json({"type": "started", "request_id": live.request_id})
    frames = 0
    heard: asyncio.Queue[Said | Exception | None] = asyncio.Queue(AHEAD)
    listening = asyncio.create_task(_listen(socket, heard))
    try:
        async for chunk in client.live(live, _read_sound(heard)):
            frames = chunk.first_frame + len(chunk.frames)
            await _send(socket, start, chunk)
        await socket.send_json({"type": "end", "frames": frames})
        await socket.close()
    finally:
        listening.cancel()


async def _start(socket: WebSocket) -> Start:
    message = await _read_message(socket, min(START_SECONDS, load_of(socket).seconds))
    if not isinstance(message, dict):
        raise InvalidRequest("type", "sound came before the start", 'Send {"type": "start", "sample_rate": …} first')
    try:
        return Start.model_validate(message)
    except ValidationError as error:
        raise to_invalid_request(error.errors()[0], Start.model_fields) from error


async def _listen(socket: WebSocket, heard: "asyncio.Queue[Said | Exception | None]") -> None:
    """Everything up to the end; an error travels the same way, so that it comes out where the sound is read."""
    try:
        while (message := _parse_message(await _read_message(socket, load_of(socket).seconds))) is not None:
            await heard.put(message)
        await heard.put(None)
    except (WebSocketDisconnect, EmoTalkError) as error:
        await heard.put(error)


def _parse_message(message: bytes | dict[str, Any]) -> Said | None:
    """Sound or key frames; None: the end. Raises InvalidRequest."""
    if isinstance(message, bytes):
        return message
    if message.get("type") == "emotions":
        return read_keys(message.get("emotions"))
    if message.get("type") != "end":
        fix = 'Send binary sound, {"type": "emotions", …} or {"type": "end"}'
        raise InvalidRequest("type", f"{message.get('type')!r} is unknown", fix)
    return None


async def _read_sound(heard: "asyncio.Queue[Said | Exception | None]") -> AsyncIterator[Said]:
    while (block := await heard.get()) is not None:
        if isinstance(block, Exception):
            raise block
        yield block


async def _read_message(socket: WebSocket, seconds: float) -> bytes | dict[str, Any]:
    try:
        async with asyncio.timeout(seconds):
            message = await socket.receive()
    except TimeoutError:
        raise DeadlineExceeded(f"nothing came for {seconds:g} s, and the stream was not ended") from None
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1000))
    if message.get("bytes") is not None:
        return bytes(message["bytes"])
    try:
        document = json.loads(message["text"])
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("type", "the message is not JSON", "Send text as JSON and sound as binary") from error
    if not isinstance(document, dict):
        raise InvalidRequest("type", "the message is not a JSON object", 'Send {"type": …}')
    return document


async def _send(socket: WebSocket, start: Start, chunk: Chunk) -> None:
    if start.format == "binary":
        message = _pack(chunk.first_frame, chunk.frames) + (b"" if chunk.head is None else _to_halves(chunk.head))
        track = chunk.feelings
        await socket.send_bytes(message + (_pack(track.first, track.rows) if start.feeling else b""))
    else:
        document = {"type": "frames", "first_frame": chunk.first_frame, "frames": np.ascontiguousarray(chunk.frames)}
        if chunk.head is not None:
            document["head"] = chunk.head
        document |= describe_feeling(chunk)
        await socket.send_text(orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY).decode())


def _pack(first: int, rows: NDArray[np.float32]) -> bytes:
    return struct.pack("<II", first, len(rows)) + _to_halves(rows)


def _to_halves(rows: NDArray[np.float32]) -> bytes:
    return rows.astype("<f2").tobytes()


async def _fail(socket: WebSocket, problem: Problem) -> None:
    try:
        await socket.send_json({"type": "error", "problem": problem.document()})
        await socket.close(POLICY_VIOLATION if problem.status < 500 else INTERNAL_ERROR)
    except (WebSocketDisconnect, RuntimeError):
        pass  # it has hung up before it could hear
