"""What stands around every call of any contract and changes nothing: it is counted, and it is a span of its trace.

An interceptor, so that no call can forget it; the outermost, so that it sees what the gates refuse.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc

from emotalk import metrics, tracing
from emotalk.server.guard.gate import Answering, CallKind, Continue, Kinds, run

# An aborted call tells its code as a number or as a member, by the handler's kind.
_CODES = {each: code.name for code in grpc.StatusCode for each in (code, code.value[0])}
_KINDS = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")

Call = Callable[[Any, grpc.aio.ServicerContext], Answering]


class CallObserver(grpc.aio.ServerInterceptor):  # type: ignore[misc]  # grpc has no types
    """Each call but probes as a span, a child of what the client's metadata brought, and in the count by its status."""

    def __init__(self, kinds: Kinds) -> None:
        self._kinds = kinds

    async def intercept_service(self, continuation: Continue, details: grpc.HandlerCallDetails) -> Any:
        """See grpc.aio.ServerInterceptor."""
        handler = await continuation(details)
        if handler is None or self._kinds.get(details.method, CallKind.PROBE) is CallKind.PROBE:
            return handler  # of a call that nobody has registered the name is a stranger's, and no label
        name = details.method.rpartition("/")[2]
        kind = next(each for each in _KINDS if getattr(handler, each) is not None)
        make = getattr(grpc, f"{kind}_rpc_method_handler")
        observe_call = _wrap(getattr(handler, kind), name)
        return make(observe_call, handler.request_deserializer, handler.response_serializer)


def _wrap(call: Call, name: str) -> Call:
    async def observe_call(request: Any, context: grpc.aio.ServicerContext) -> Any:
        # Handed on without a name here: the answer may take hours, and must not hold the request's sound.
        calling = call(request, context)
        del request
        code = "UNKNOWN"
        try:
            response = await _run_in_span(calling, name, context)
            code = "OK"
            return response
        except asyncio.CancelledError:
            code = "CANCELLED"
            raise
        except grpc.aio.AbortError:
            code = _CODES[context.code()]
            raise
        finally:
            metrics.CALLS.labels(name, code).inc()

    return observe_call


async def _run_in_span(calling: Answering, name: str, context: grpc.aio.ServicerContext) -> Any:
    brought = dict(context.invocation_metadata() or ())
    with tracing.span(name, parent=brought, kind="server", by_itself=False):
        try:
            return await run(calling, context)
        except grpc.aio.AbortError:  # which says nothing; what it was for, the status says
            tracing.fail(RuntimeError(context.details()))
            raise
        except Exception as defect:
            tracing.fail(defect)
            raise
