"""Errors → RFC 9457 problem documents, with the field and the fix."""

import http
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse

from emotalk.errors import EmoTalkError, InvalidRequest
from emotalk.wire.status import row_of

MEDIA_TYPE = "application/problem+json"


@dataclass(eq=False)
class Problem(Exception):
    """What went wrong, as a document; raise it, or send it in a stream."""

    status: int
    kind: str
    detail: str
    field: str = ""
    fix: str = ""
    headers: Mapping[str, str] | None = None

    def document(self) -> dict[str, Any]:
        """The document's members; `field` and `fix` only where there are such."""
        named = {name: value for name in ("field", "fix") if (value := getattr(self, name))}
        title = http.HTTPStatus(self.status).phrase
        return {
            "type": f"urn:emotalk:{self.kind}",
            "title": title,
            "status": self.status,
            "detail": self.detail,
            **named,
        }

    def response(self) -> JSONResponse:
        """As an answer."""
        headers = {**_HEADERS.get(self.status, {}), **(self.headers or {})}
        return JSONResponse(self.document(), self.status, headers, MEDIA_TYPE)


def problem_of(error: EmoTalkError) -> Problem:
    """The problem that an error of ours is."""
    row = row_of(error)
    named = (error.field, error.fix) if isinstance(error, InvalidRequest) else ("", "")
    return Problem(row.http, type(error).__name__, str(error), *named, retry_after(row.retry_seconds))


def retry_after(seconds: int) -> dict[str, str]:
    """The header that says when to try again; none for 0."""
    return {"Retry-After": f"{seconds}"} if seconds else {}


_HEADERS = {401: {"WWW-Authenticate": "Bearer"}}
