"""The gRPC server behind the window: a client for each token, so that everybody is known as who they are."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from emotalk.client import AsyncEmoTalkClient
from emotalk.web.problems import Problem

SCHEME = "bearer "
MOST_CLIENTS = 64


class Upstream:
    """`connect` makes a client that sends this token ("" for none); those that were used last are kept."""

    def __init__(self, connect: Callable[[str], AsyncEmoTalkClient]) -> None:
        self._connect = connect
        self._clients: OrderedDict[str, AsyncEmoTalkClient] = OrderedDict()

    def client(self, connection: HTTPConnection) -> AsyncEmoTalkClient:
        """For the token that came with this request. Raises Problem for an Authorization that is no bearer's."""
        token = _token(connection)
        client = self._clients.pop(token, None) or self._connect(token)
        self._clients[token] = client
        if len(self._clients) > MOST_CLIENTS:
            # Left to be collected, not closed: its last answers may still be on their way.
            self._clients.popitem(last=False)
        return client

    async def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            await client.close()


async def client_of(connection: HTTPConnection) -> AsyncEmoTalkClient:
    """The client of whoever sent this. Raises Problem for an Authorization that is no bearer's.

    On the event loop, to which a channel of gRPC belongs.
    """
    upstream: Upstream = connection.app.state.upstream
    return upstream.client(connection)


Client = Annotated[AsyncEmoTalkClient, Depends(client_of)]


def _token(connection: HTTPConnection) -> str:
    """A browser cannot give a WebSocket headers, so there the query has it."""
    if connection.scope["type"] == "websocket" and "token" in connection.query_params:
        header = SCHEME + connection.query_params["token"]
    else:
        header = connection.headers.get("authorization", "")
    token = header[len(SCHEME) :].strip()
    if header and (not header.lower().startswith(SCHEME) or not (token.isascii() and token.isprintable())):
        fix = "Send Authorization: Bearer TOKEN, printable ASCII"
        raise Problem(401, "Unauthenticated", f"authorization: it is not a bearer token. {fix}.", "authorization", fix)
    return token
