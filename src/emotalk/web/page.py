"""The page at `/`: the viewer's files and the head, each compressed once."""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from emotalk.head import HEAD_GLB
from emotalk.web.problems import Problem

STATIC = Path(__file__).parent / "static"
POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; connect-src 'self' blob: ws: wss:; "
    "script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)
"""The page needs nothing from elsewhere. Pictures inside a GLB are blobs; packed GLBs want WebAssembly, Draco's in a
worker that is a blob."""
DOCS_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True)
class Asset:
    """A file of the page."""

    path: Path

    @cached_property
    def body(self) -> bytes:
        """The file."""
        return self.path.read_bytes()

    @cached_property
    def packed(self) -> bytes:
        """The file, gzipped; three megabytes of it take a fifth of a second, so only once."""
        return gzip.compress(self.body, 6, mtime=0)

    @cached_property
    def etag(self) -> str:
        """Changes with the file: names carry no hash."""
        return f'"{hashlib.blake2b(self.body, digest_size=12).hexdigest()}"'

    @property
    def media_type(self) -> str:
        """What browsers are told."""
        if self.path.suffix == ".glb":
            return "model/gltf-binary"
        return mimetypes.guess_type(self.path.name)[0] or "application/octet-stream"


class Page:
    """An ASGI application of a handful of files: whatever else is asked for is not there."""

    def __init__(self, folder: Path = STATIC, head: Path = HEAD_GLB) -> None:
        files = [*folder.iterdir(), head]
        self._assets = {f"/{path.name}": Asset(path) for path in files if path.is_file()}
        self._assets["/"] = Asset(folder / "index.html")
        self._assets["/favicon.ico"] = Asset(folder / "icon.svg")  # asked for where no page names another, as at /v1/…

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI call."""
        if scope["type"] != "http":
            return await WebSocketClose()(scope, receive, send)
        response = await run_in_threadpool(self._answer, scope)
        return await response(scope, receive, send)

    def _answer(self, scope: Scope) -> Response:
        asset = self._assets.get(scope["path"])
        if asset is None:
            return Problem(404, "NotFound", f"{scope['path'][:80]} is not here. See /docs.").response()
        if scope["method"] not in ("GET", "HEAD"):
            return Problem(405, "Method", "Only GET and HEAD go here.", headers={"Allow": "GET, HEAD"}).response()
        return _answer_fresh(asset, Headers(scope=scope))


class DocsPolicy:
    """The same for /docs, whose page is FastAPI's, with a script of its own inside."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI call."""

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).setdefault("Content-Security-Policy", DOCS_POLICY)
            await send(message)

        await self._app(scope, receive, send_guarded if scope.get("path", "").startswith("/docs") else send)


def _answer_fresh(asset: Asset, asked: Headers) -> Response:
    headers = {
        "ETag": asset.etag,
        "Cache-Control": "no-cache",
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": POLICY,
    }
    if asset.etag in asked.get("if-none-match", ""):
        return Response(None, 304, headers)
    if "gzip" in asked.get("accept-encoding", "") and asset.path.suffix != ".wav":
        return Response(asset.packed, 200, {**headers, "Content-Encoding": "gzip"}, asset.media_type)
    return Response(asset.body, 200, headers, asset.media_type)
