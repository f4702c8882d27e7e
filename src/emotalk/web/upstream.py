"""The gRPC server behind the gateway: a client for each token, so that everybody is known as who they are."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from emotalk.client import AsyncEmoTalkClient
from emotalk.client.visitor import call_for
from emotalk.web.problems import Problem

SCHEME = "bearer "
MOST_CLIENTS = 64
LONGEST_TOKEN = 4096
"""Headers of gRPC have 8 KB."""
_FIX = "Send Authorization: Bearer TOKEN, printable ASCII"


class Upstream:
    """`connect` makes a client that sends this token ("" for none); those that were used last are kept."""

    def __init__(self, connect: Callable[[str], AsyncEmoTalkClient]) -> None:
        self._connect = connect
        self._clients: OrderedDict[str, AsyncEmoTalkClient] = OrderedDict()

    def client(self, connection: HTTPConnection) -> AsyncEmoTalkClient:
        """For the token that came with this request. Raises Problem for an Authorization that is not a bearer's."""
        token = _find_token(connection)
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
    """The client of whoever sent this. Raises Problem for an Authorization that is not a bearer's.

    On the event loop, to which a channel of gRPC belongs.
    """
    upstream: Upstream = connection.app.state.upstream
    call_for(_find_peer(connection))
    return upstream.client(connection)


async def admit(connection: HTTPConnection) -> AsyncEmoTalkClient:
    """The same once the server has said that it knows the token: before a byte of a body is read. Raises Problem."""
    client = await client_of(connection)
    await client.check_token()
    return client


Client = Annotated[AsyncEmoTalkClient, Depends(client_of)]
AdmittedClient = Annotated[AsyncEmoTalkClient, Depends(admit)]


def visitor_of(connection: HTTPConnection) -> str:
    """Whose uploads count together: the token's, else the address's."""
    return _find_token(connection) or (connection.client.host if connection.client else "")


def _find_peer(connection: HTTPConnection) -> str:
    """As gRPC would name who called the gateway."""
    if connection.client is None:
        return ""
    host, port = connection.client
    return f"ipv6:[{host}]:{port}" if ":" in host else f"ipv4:{host}:{port}"


def _find_token(connection: HTTPConnection) -> str:
    """A browser cannot give a WebSocket headers, so there the query has it."""
    if connection.scope["type"] == "websocket" and "token" in connection.query_params:
        header = SCHEME + connection.query_params["token"]
    else:
        header = connection.headers.get("authorization", "")
    token = header[len(SCHEME) :].strip()
    if len(token) > LONGEST_TOKEN:
        raise _make_token_problem(f"it is longer than {LONGEST_TOKEN} characters")
    if header and (not header.lower().startswith(SCHEME) or not (token.isascii() and token.isprintable())):
        raise _make_token_problem("it is not a bearer token")
    return token


def _make_token_problem(problem: str) -> Problem:
    detail = f"authorization: {problem}. {_FIX}."
    return Problem(401, "Unauthenticated", detail, "authorization", _FIX)
