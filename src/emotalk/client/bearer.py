"""The bearer token on every call, whichever it is: interceptors of the channel."""

from collections.abc import Callable
from typing import Any

import grpc

from emotalk.client.credentials import Credentials


class Bearer(
    grpc.UnaryUnaryClientInterceptor,  # type: ignore[misc]  # grpc has no types
    grpc.UnaryStreamClientInterceptor,  # type: ignore[misc]
    grpc.StreamStreamClientInterceptor,  # type: ignore[misc]
):
    """For blocking channels."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def _call(self, continuation: Callable[..., Any], details: grpc.ClientCallDetails, request: Any) -> Any:
        return continuation(_Details(details, self._credentials), request)

    intercept_unary_unary = intercept_unary_stream = intercept_stream_stream = _call


class _Details(grpc.ClientCallDetails):  # type: ignore[misc]
    """The same call, its metadata and ours."""

    def __init__(self, details: grpc.ClientCallDetails, credentials: Credentials) -> None:
        self.method, self.timeout, self.credentials = details.method, details.timeout, details.credentials
        self.wait_for_ready, self.compression = details.wait_for_ready, getattr(details, "compression", None)
        self.metadata = (*(details.metadata or ()), *credentials.metadata())


def asynchronous(credentials: Credentials) -> list[grpc.aio.ClientInterceptor]:
    """For asyncio's channels, which take one interceptor for each kind of call."""
    return [_AsyncUnary(credentials), _AsyncStream(credentials), _AsyncBoth(credentials)]


class _AsyncUnary(grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[misc]
    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        return await continuation(_add_token(details, self._credentials), request)


class _AsyncStream(grpc.aio.UnaryStreamClientInterceptor):  # type: ignore[misc]
    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        return await continuation(_add_token(details, self._credentials), request)


class _AsyncBoth(grpc.aio.StreamStreamClientInterceptor):  # type: ignore[misc]
    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def intercept_stream_stream(self, continuation: Any, details: Any, requests: Any) -> Any:
        return await continuation(_add_token(details, self._credentials), requests)


def _add_token(details: grpc.aio.ClientCallDetails, credentials: Credentials) -> grpc.aio.ClientCallDetails:
    metadata = grpc.aio.Metadata(*(details.metadata or ()), *credentials.metadata())
    return details._replace(metadata=metadata)
