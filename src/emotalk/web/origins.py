"""Who may speak to the gateway: by which name of this machine, and from which page.

A browser on this machine runs everybody's pages. A page elsewhere can let its own name point to 127.0.0.1 (DNS
rebinding), or open a WebSocket or send a form across sites; the Host and Origin headers, which it cannot forge, tell.
"""

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from emotalk.web.problems import Problem

_FILES = "file://"
"""The origin of a page from a file, as a desktop shell's; for fetch, browsers call it `null`."""
_READING = ("GET", "HEAD", "OPTIONS")


class Origins:
    """Refuses names that are not ours and pages that are not named; `hosts` without ports, `origins` with scheme."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str] = (), origins: Sequence[str] = ()) -> None:
        self._app = app
        self._hosts = {host.lower() for host in hosts} | {"localhost"}
        self._origins = set(spell(origins))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI call."""
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        problem = self._find_problem(scope, Headers(scope=scope))
        if problem is None:
            return await self._app(scope, receive, send)
        if scope["type"] == "http":
            return await problem.response()(scope, receive, send)
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": problem.detail[:120]})  # refused: HTTP 403

    def _find_problem(self, scope: Scope, headers: Headers) -> Problem | None:
        host = headers.get("host", "")
        if not self._is_ours(host):
            fix = "Use localhost or the machine's address, or name it with --web-hosts"
            return Problem(421, "Host", f"host: '{host[:60]}' is not a name of this service. {fix}.", "host", fix)
        origin = headers.get("origin")
        harmless = scope["type"] == "http" and scope["method"] in _READING
        if origin is None or harmless or self._is_same(origin, host):
            return None
        fix = "Name the page's origin with --web-origins"
        return Problem(403, "Origin", f"origin: '{origin[:60]}' may not call this service. {fix}.", "origin", fix)

    def _is_ours(self, host: str) -> bool:
        """An address has no name that could be bent."""
        name = _read_name(host)
        return name in self._hosts or _is_address(name)

    def _is_same(self, origin: str, host: str) -> bool:
        origin = origin.lower()
        return origin in self._origins or _read_host(origin) == host.lower()


def spell(origins: Sequence[str]) -> list[str]:
    """Origins as browsers send them."""
    plain = [origin.lower() if origin.lower() == _FILES else origin.lower().rstrip("/") for origin in origins]
    return [*plain, *(["null"] if _FILES in plain else [])]


def _read_host(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _read_name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
