"""The application: routes, the page, and who may speak to it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.routing import Match

from emotalk.errors import EmoTalkError
from emotalk.web import animations, contract, health, jobs, stream
from emotalk.web.load import Load
from emotalk.web.observe import HttpObserver
from emotalk.web.origins import Origins, spell
from emotalk.web.page import DocsPolicy, Page
from emotalk.web.parameters import to_invalid_request
from emotalk.web.paths import EncodedSlashes
from emotalk.web.problems import Problem, problem_of
from emotalk.web.uploads import RECEIVE_SECONDS, BodyLimit
from emotalk.web.upstream import Upstream

_ROUTERS = tuple(each.router for each in (animations, jobs, stream, health))


@dataclass(frozen=True)
class Allowed:
    """`hosts`: names of this machine beside localhost and its addresses. `origins`: other pages that may call.

    `seconds`: how long a request may take to arrive. `described`: the contract is told to whoever asks.
    """

    hosts: Sequence[str] = field(default=())
    origins: Sequence[str] = field(default=())
    seconds: float = RECEIVE_SECONDS
    described: bool = True


def make_application(upstream: Upstream, allowed: Allowed) -> FastAPI:
    """The whole gateway, in front of this server."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await upstream.close()

    app = _make_application(allowed, lifespan)
    app.state.upstream, app.state.load = upstream, Load(allowed.seconds)
    for router in _ROUTERS:
        app.include_router(router)
    _add_problems(app)
    if allowed.described:
        _add_schemas(app)
    app.router.default = Page()  # not a mount at "/": that would take a wrong method's 405 for a path of its own
    app.add_middleware(BodyLimit, seconds=allowed.seconds)
    if allowed.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=spell(allowed.origins),
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=["Location", "X-Request-Id"],
        )
    app.add_middleware(EncodedSlashes)
    app.add_middleware(DocsPolicy)
    app.add_middleware(Origins, hosts=allowed.hosts, origins=allowed.origins)
    app.add_middleware(HttpObserver)
    return app


def _make_application(allowed: Allowed, lifespan: Any) -> FastAPI:
    known: dict[str, Any] = {"title": "EmoTalk API", "version": version("emotalk"), "description": _ABOUT}
    if allowed.described:
        return FastAPIOffline(**known, lifespan=lifespan, redoc_url=None)
    return FastAPI(**known, lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None)


def _add_problems(app: FastAPI) -> None:
    """Whatever goes wrong is a problem document."""

    @app.exception_handler(Problem)
    async def answer_problem(_: Request, problem: Problem) -> Response:
        return problem.response()

    @app.exception_handler(EmoTalkError)
    async def answer_error(_: Request, error: EmoTalkError) -> Response:
        return problem_of(error).response()

    @app.exception_handler(RequestValidationError)
    async def answer_misshapen(_: Request, error: RequestValidationError) -> Response:
        return problem_of(to_invalid_request(error.errors()[0])).response()

    @app.exception_handler(HTTPException)
    async def answer_refusal(request: Request, error: HTTPException) -> Response:
        said = f"{error.detail.rstrip('.')}. See /docs."
        headers = {**(error.headers or {}), **(_list_methods(request) if error.status_code == 405 else {})}
        return Problem(error.status_code, "Http", said, headers=headers).response()


def _list_methods(request: Request) -> dict[str, str]:
    """What a path allows; Starlette names the methods of the first of its routes alone."""
    routes = [route for each in _ROUTERS for route in each.routes if route.matches(request.scope)[0] is not Match.NONE]
    methods = sorted({method for each in routes for method in getattr(each, "methods", ())})
    return {"Allow": ", ".join(methods)} if methods else {}


def _add_schemas(app: FastAPI) -> None:
    """FastAPI's description and the schemas that contract.py refers to."""
    described = app.openapi

    def openapi() -> dict[str, Any]:
        document = described()
        document.setdefault("components", {}).setdefault("schemas", {}).update(contract.SCHEMAS)
        for path in document["paths"].values():
            for operation in path.values():
                operation["responses"].pop("422", None) if _is_fastapis(operation["responses"].get("422")) else None
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's documentation does it


def _is_fastapis(response: Any) -> bool:
    return "HTTPValidationError" in str(response)


_ABOUT = """Speech in, a moving face out: 52 ARKit blendshapes at 30 frames a second.

Every request goes through the service's durable, ordered queue: accepted means stored. Errors are problem documents
(RFC 9457) with the field and the fix. A live microphone is the WebSocket at `/v1/stream`; it promises no durability."""
