"""Ids with a slash in a path: percent-encoded they are one segment, and stay so until the route is found."""

from urllib.parse import unquote

from starlette.types import ASGIApp, Receive, Scope, Send

_SLASH = "\0"
"""What no id has."""


class EncodedSlashes:
    """/v1/jobs/a%2Fb is the job `a/b`: ASGI's path has forgotten which slash was encoded."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI call."""
        raw = scope.get("raw_path", b"").partition(b"?")[0].decode("latin-1")
        if "%" in raw:
            segments = (unquote(segment).replace("/", _SLASH) for segment in raw.split("/"))
            scope = {**scope, "path": "/".join(segments)}
        await self._app(scope, receive, send)


def restore_slashes(segment: str) -> str:
    """What was sent."""
    return segment.replace(_SLASH, "/")
