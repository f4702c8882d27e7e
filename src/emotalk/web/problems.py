"""Errors → RFC 9457 problem documents, with the field and the fix. The only such table."""

import http
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse

from emotalk import errors

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = "2"

# The first class that fits decides, so children stand before their parents.
_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (errors.AudioError, 422),
    (errors.InvalidRequest, 400),
    (errors.UnknownJob, 404),
    (errors.RequestConflict, 409),
    (errors.JobCancelled, 409),
    (errors.ResultsDiffer, 409),
    (errors.QueueFull, 429),
    (errors.Unauthenticated, 401),
    (errors.ServerUnavailable, 503),
    (errors.QueueUnavailable, 503),
    (errors.DeadlineExceeded, 504),
    (errors.ConfigurationError, 400),
    (errors.EmoTalkError, 502),
)
"""502: the service gave the job up. It is the service that failed, not this gateway."""


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


def problem_of(error: errors.EmoTalkError) -> Problem:
    """The problem that an error of ours is."""
    status = next(code for kind, code in _STATUS if isinstance(error, kind))
    named = (error.field, error.fix) if isinstance(error, errors.InvalidRequest) else ()
    return Problem(status, type(error).__name__, str(error), *named)


_LATER = {"Retry-After": RETRY_SECONDS}
_HEADERS: dict[int, dict[str, str]] = {401: {"WWW-Authenticate": "Bearer"}, 429: _LATER, 503: _LATER}
