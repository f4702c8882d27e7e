"""What each call brought, below the client library: that one drops what it has seen before, this one counts it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc

Span = tuple[int, int, bool]
"""First frame, count, is_final."""


@dataclass
class Call:
    """One streaming call: from which frame on it was asked for, and what came."""

    request_id: str
    start: int
    spans: list[Span] = field(default_factory=list)

    @property
    def due(self) -> int:
        """The frame that should come next."""
        return self.spans[-1][0] + self.spans[-1][1] if self.spans else self.start


class Witness(grpc.UnaryStreamClientInterceptor):  # type: ignore[misc]
    """Writes down every response of every stream that passes."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def intercept_unary_stream(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        """See grpc's own."""
        call = Call(request.request_id, getattr(request, "from_frame", 0))
        self.calls.append(call)
        return _Heard(continuation(details, request), call)


class _Heard:
    def __init__(self, inner: Any, call: Call) -> None:
        self._inner, self._call = inner, call

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        response = next(self._inner)
        if response.frames or response.is_final:  # a failure has neither; a resumed answer may lack its last word alone
            first = response.frames[0].frame_number if response.frames else self._call.due
            self._call.spans.append((first, len(response.frames), response.is_final))
        return response
