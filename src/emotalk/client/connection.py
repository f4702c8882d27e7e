"""How a client reaches a server, and what its statuses mean."""

import logging
import os
from typing import Any

import grpc
from grpc_status import rpc_status

from emotalk.address import Address
from emotalk.client import bearer
from emotalk.client.credentials import Credentials
from emotalk.errors import ConfigurationError, EmoTalkError, ServerUnavailable
from emotalk.limits import MAX_MESSAGE_BYTES
from emotalk.wire.details import error_of

log = logging.getLogger(__name__)

OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES + 2**20),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
)


NO_PROXY = ("grpc.enable_http_proxy", 0)
"""A proxy of the environment reaches the world, and never this machine's own ports."""


def _list_options(address: Address, credentials: Credentials) -> tuple[tuple[str, Any], ...]:
    here = (NO_PROXY,) if address.is_loopback else ()
    return (*OPTIONS, *here, *credentials.options())


class Home:
    """The process that a channel belongs to: gRPC's threads do not survive a fork, so a call in a child hangs."""

    def __init__(self) -> None:
        self._pid = os.getpid()

    def check(self) -> None:
        """Raise ConfigurationError in another process."""
        if os.getpid() != self._pid:
            raise ConfigurationError(
                "client: it was made before this process was forked, and cannot be used here. "
                "Make an EmoTalkClient in each process, after the fork (in Celery: worker_process_init)."
            )


def _check(address: Address, credentials: Credentials) -> None:
    """Raise ConfigurationError for what gRPC would look up as a name, or whose port it would cut to 16 bits."""
    if address.is_unix:
        return
    if "/" in address.host or (":" in address.host and not address.is_ip):
        raise ConfigurationError(
            f"host: '{address.host}' is not a host. Give its name alone, without http:// or a port."
        )
    if not (f"{address.port}".isdigit() and 0 < int(address.port) < 2**16):
        raise ConfigurationError(f"port: {address.port} is out of range. Use 1..65535.")
    _warn_of_listeners(address, credentials)


def _warn_of_listeners(address: Address, credentials: Credentials) -> None:
    if credentials.metadata() and not (credentials.secure or address.is_loopback):
        log.warning("the token goes to %s in the clear", address.host, extra={"fix": "TLS: --tls-ca PEM, or --tls"})


def open_blocking_channel(address: Address, credentials: Credentials) -> grpc.Channel:
    """For threads. Raises ConfigurationError naming the file, the host or the port."""
    _check(address, credentials)
    where, options = str(address), _list_options(address, credentials)
    if credentials.secure:
        channel = grpc.secure_channel(where, credentials.channel_credentials(), options)
    else:
        channel = grpc.insecure_channel(where, options)
    return grpc.intercept_channel(channel, bearer.Bearer(credentials)) if credentials.metadata() else channel


def open_async_channel(address: Address, credentials: Credentials) -> grpc.aio.Channel:
    """For asyncio. Raises ConfigurationError naming the file, the host or the port."""
    _check(address, credentials)
    where, options = str(address), _list_options(address, credentials)
    interceptors = bearer.asynchronous(credentials) if credentials.metadata() else []
    if credentials.secure:
        secret = credentials.channel_credentials()
        return grpc.aio.secure_channel(where, secret, options, interceptors=interceptors)
    return grpc.aio.insecure_channel(where, options, interceptors=interceptors)


def to_error(error: grpc.RpcError, where: str = "") -> EmoTalkError:
    """A gRPC status → the error of ours that it stands for. `where`: the address that was called."""
    code, message, status = error.code(), error.details() or error.code().name, rpc_status.from_call(error)
    if status is None and is_outage(error):
        return ServerUnavailable(_word_unreachable(where, message))
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        message = f"{message}. Allow more time; what was accepted is done all the same"
    return error_of(code.name, message, status.details if status else ())


def _word_unreachable(where: str, grpc_words: str) -> str:
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
