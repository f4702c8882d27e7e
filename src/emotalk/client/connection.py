"""How a client reaches a server, and what its statuses mean."""

import logging
from typing import Any

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from emotalk import errors
from emotalk.address import Address
from emotalk.client import bearer
from emotalk.client.credentials import Credentials
from emotalk.errors import DeadlineExceeded, EmoTalkError, JobFailed, ServerUnavailable
from emotalk.limits import MAX_MESSAGE_BYTES

log = logging.getLogger(__name__)

OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES + 2**20),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
)


def _warn_of_listeners(address: Address, credentials: Credentials) -> None:
    if credentials.metadata() and not (credentials.secure or address.is_loopback):
        log.warning("the token goes to %s in the clear", address.host, extra={"fix": "TLS: --tls-ca PEM, or --tls"})


def blocking_channel(address: Address, credentials: Credentials) -> grpc.Channel:
    """For threads. Raises ConfigurationError naming the file."""
    _warn_of_listeners(address, credentials)
    where, options = str(address), (*OPTIONS, *credentials.options())
    if credentials.secure:
        channel = grpc.secure_channel(where, credentials.channel_credentials(), options)
    else:
        channel = grpc.insecure_channel(where, options)
    return grpc.intercept_channel(channel, bearer.Bearer(credentials)) if credentials.metadata() else channel


def asynchronous_channel(address: Address, credentials: Credentials) -> grpc.aio.Channel:
    """For asyncio. Raises ConfigurationError naming the file."""
    _warn_of_listeners(address, credentials)
    where, options = str(address), (*OPTIONS, *credentials.options())
    interceptors = bearer.asynchronous(credentials) if credentials.metadata() else []
    if credentials.secure:
        secret = credentials.channel_credentials()
        return grpc.aio.secure_channel(where, secret, options, interceptors=interceptors)
    return grpc.aio.insecure_channel(where, options, interceptors=interceptors)


def named(error: grpc.RpcError, where: str = "") -> EmoTalkError:
    """A gRPC status → the error of ours that it stands for. `where`: the address that was called."""
    code, message = error.code(), error.details() or error.code().name
    if code is grpc.StatusCode.INVALID_ARGUMENT and (violation := _violation(error)):
        problem, _, fix = violation.description.rstrip(".").partition(". ")
        return _invalid(error, violation.field, problem, fix)
    by_code: dict[grpc.StatusCode, type[EmoTalkError]] = {
        grpc.StatusCode.ALREADY_EXISTS: errors.RequestConflict,
        grpc.StatusCode.RESOURCE_EXHAUSTED: _exhausted(error),
        grpc.StatusCode.UNAUTHENTICATED: errors.Unauthenticated,
        grpc.StatusCode.UNAVAILABLE: ServerUnavailable,
        grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
        grpc.StatusCode.ABORTED: errors.ResultsDiffer,
        grpc.StatusCode.NOT_FOUND: errors.UnknownJob,
        grpc.StatusCode.CANCELLED: ServerUnavailable if is_outage(error) else errors.JobCancelled,
    }
    if is_outage(error) and rpc_status.from_call(error) is None:
        message = _nobody(where, message)
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        message = f"{message}. Allow more time; what was accepted is done all the same"
    return by_code.get(code, JobFailed)(message)


def _nobody(where: str, grpc_words: str) -> str:
    """gRPC's words name the cause last: "failed to connect to all addresses; last error: …: Connection refused"."""
    cause = grpc_words.rpartition(": ")[2].strip("[]. ")
    who = f"No EmoTalk server answers{where and f' at {where}'}"
    return f"{who} ({cause}). Start one: emotalk serve; one that is starting answers as soon as its worker is warm."


def is_outage(error: grpc.RpcError) -> bool:
    """Is it the connection that broke, and not the request? Then the same call may be made again.

    gRPC ends what is left of a server that stops as CANCELLED, without the details that a cancelled job's error has.
    """
    unsaid = error.code() is grpc.StatusCode.CANCELLED and rpc_status.from_call(error) is None
    return unsaid or error.code() is grpc.StatusCode.UNAVAILABLE


def position_of(metadata: Any) -> int | None:
    """The position in the queue, where the server says it."""
    for name, value in metadata or ():
        if name == "queue-position":
            return int(value)
    return None


def is_accepted(metadata: Any) -> bool:
    """Has a server said that the request is durable?"""
    return any(name == "request-id" for name, _ in metadata or ())


def _violation(error: grpc.RpcError) -> "error_details_pb2.BadRequest.FieldViolation | None":
    bad = _detail(error, error_details_pb2.BadRequest())
    return bad.field_violations[0] if bad and bad.field_violations else None


def _invalid(error: grpc.RpcError, field: str, problem: str, fix: str) -> errors.InvalidRequest:
    """Of the server's own class, so that whoever waits for a TruncatedAudio gets one."""
    info = _detail(error, error_details_pb2.ErrorInfo())
    kind = getattr(errors, info.reason, None) if info else None
    if isinstance(kind, type) and issubclass(kind, errors.AudioError):
        return kind(problem, fix, field)
    return errors.InvalidRequest(field, problem, fix)


def _exhausted(error: grpc.RpcError) -> type[EmoTalkError]:
    return errors.ClientLimit if _detail(error, error_details_pb2.QuotaFailure()) else errors.QueueFull


def _detail(error: grpc.RpcError, into: Any) -> Any:
    """The rich status' detail of that kind, or None."""
    status = rpc_status.from_call(error)
    return next((into for detail in (status.details if status else ()) if detail.Unpack(into)), None)
