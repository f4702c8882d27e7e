"""What stands around every HTTP call and changes nothing: it is counted. Its span is FastAPI's own affair."""

from http import HTTPMethod

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from emotalk import metrics

METHODS = frozenset(HTTPMethod)
"""Whatever else a stranger calls a method is one label."""


class HttpObserver:
    """The outermost, so that it sees what is refused at the door."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI call."""

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                method = scope["method"] if scope["method"] in METHODS else "other"
                metrics.HTTP.labels(method, message["status"]).inc()
            await send(message)

        await self._app(scope, receive, send_counted)
