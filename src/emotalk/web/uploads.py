"""A request's body on its way to a file: limited before it is read, and never whole in memory twice."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import SEEK_END
from math import inf
from typing import IO, Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from emotalk.errors import EmptyAudio
from emotalk.limits import MAX_MESSAGE_BYTES
from emotalk.web.problems import Problem

FORM_BYTES = 256 * 2**10
"""What a form may have beside the sound."""
RECEIVE_SECONDS = 300.0
MAX_BODY_BYTES = MAX_MESSAGE_BYTES + FORM_BYTES
SPOOL_BYTES = 2**20
FIELD = "audio"
FORM = "multipart/form-data"


@dataclass(frozen=True)
class Upload:
    """A sound that has arrived, on disk beyond a megabyte; `fields` are the form's others."""

    file: IO[bytes]
    name: str
    fields: dict[str, str]

    def size(self) -> int:
        """Of the sound, in bytes."""
        size = self.file.seek(0, SEEK_END)
        self.file.seek(0)
        return size

    async def read(self) -> bytes:
        """The whole sound. Raises EmptyAudio."""
        sound = await run_in_threadpool(self.file.read)
        if not sound:
            raise EmptyAudio("there are no bytes", f"Send a sound file as the body, or as the form's field '{FIELD}'")
        return sound


@asynccontextmanager
async def read_upload(request: Request) -> AsyncIterator[Upload]:
    """The body of a request: a form with a file, or the bare bytes of one. Raises Problem."""
    if request.headers.get("content-type", "").startswith(FORM):
        async with _read_form(request) as upload:
            yield upload
    else:
        with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as file:
            async for block in request.stream():
                await run_in_threadpool(file.write, block)
            file.seek(0)
            yield Upload(file, "", {})


@asynccontextmanager
async def _read_form(request: Request) -> AsyncIterator[Upload]:
    try:
        form = await request.form(max_files=1, max_fields=32)
    except (MultiPartException, KeyError, LookupError, ValueError) as error:
        raise Problem(
            400, "Form", f"The form cannot be read: {str(error)[:200]}", fix="Send multipart/form-data"
        ) from error
    try:
        sound = form.get(FIELD)
        if not isinstance(sound, UploadFile):
            how = "is text: its part names no file" if sound is not None else "is not in the form"
            fix = f"Send the sound file as the form's field '{FIELD}', with a file name: -F {FIELD}=@voice.wav"
            raise Problem(400, "MissingAudio", f"{FIELD}: it {how}. {fix}.", FIELD, fix)
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        yield Upload(sound.file, sound.filename or "", fields)
    finally:
        await form.close()


class BodyLimit:
    """Refuses what says that it is too long before a byte is read, and what turns out to be as soon as it does.

    And what has not arrived after `seconds`, which begin with the first look at the body.
    """

    def __init__(self, app: ASGIApp, limit: int = MAX_BODY_BYTES, *, seconds: float = RECEIVE_SECONDS) -> None:
        self._app, self._limit, self._seconds = app, limit, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI call."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        said = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if said.isdigit() and int(said) > self._limit:
            return await self._make_length_problem().response()(scope, receive, send)
        arrived, until = 0, None

        async def receive_counted() -> Message:
            nonlocal arrived, until
            if until is None:
                until = asyncio.get_running_loop().time() + self._seconds
            message = await self._receive_in_time(receive, until)
            if not message.get("more_body"):
                until = inf  # what follows the body is the wait for who hangs up
            arrived += len(message.get("body", b""))
            if arrived > self._limit:
                raise self._make_length_problem()
            return message

        return await self._app(scope, receive_counted, send)

    async def _receive_in_time(self, receive: Receive, until: float) -> Message:
        try:
            async with asyncio.timeout_at(None if until == inf else until):
                return await receive()
        except TimeoutError:
            detail = f"The body had not arrived after {self._seconds:g} s. Send it faster, or less."
            raise Problem(408, "TooSlow", detail, headers={"Connection": "close"}) from None

    def _make_length_problem(self) -> Problem:
        limit = f"{self._limit / 2**20:g} MiB"
        fix = "Send FLAC or MP3 instead of WAV, or cut the sound"
        close: dict[str, Any] = {"Connection": "close"}
        return Problem(413, "TooLarge", f"The body is larger than {limit}. {fix}.", FIELD, fix, close)
