"""For whom a gateway calls: with each call of the task, until the task ends."""

from contextvars import ContextVar

from emotalk.wire.details import VISITOR

_visitor: ContextVar[str] = ContextVar("visitor", default="")


def call_for(visitor: str) -> None:
    """From now on this task's calls are this visitor's, named as gRPC names a peer: ipv4:10.0.0.7:5123."""
    _visitor.set(visitor)


def metadata() -> tuple[tuple[str, str], ...]:
    """What a call says of it."""
    return ((VISITOR, visitor),) if (visitor := _visitor.get()) else ()
