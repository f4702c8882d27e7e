"""What strangers do, each as a block: it lasts as long as the block runs. None has a token, unless it says so."""

import base64
import os
import socket
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from functools import partial

import grpc

from tests.siege.besieged import OTHER_TOKEN, Besieged
from tests.siege.http2 import Attacker

CHECK, WATCH = "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"
GET_JOB, STREAM = "/emotalk.EmoTalkService/GetJob", "/emotalk.EmoTalkService/StreamAudio"
PROCESS, HEALTH = "/emotalk.EmoTalkService/ProcessAudio", "/emotalk.EmoTalkService/HealthCheck"
INSIDER = (("authorization", f"Bearer {OTHER_TOKEN}"),)
CONNECTIONS, CALLS = 10, 100
LONG = b"\x0a\x80\x80\x80\x1e" + b"\x1b" * (60 * 2**20)
"""A message whose first field is a name of 60 MiB; 60 KB when it is compressed."""
GATEWAY_CONNECTIONS = 300

Attack = Callable[[Besieged], AbstractContextManager[None]]


@contextmanager
def _attackers(siege: Besieged, number: int = CONNECTIONS, window: int = 65_535) -> Iterator[list[Attacker]]:
    with ExitStack() as stack:
        yield [stack.enter_context(closing(Attacker(siege.port, siege.tls, window))) for _ in range(number)]


@contextmanager
def calls_that_send_nothing(siege: Besieged, *paths: str, more: tuple[tuple[str, str], ...] = ()) -> Iterator[None]:
    """A thousand."""
    with _attackers(siege) as attackers:
        for attacker in attackers:
            for turn in range(CALLS):
                attacker.begin(paths[turn % len(paths)], *more)
        yield


@contextmanager
def watches(siege: Besieged) -> Iterator[None]:
    """A thousand that are answered."""
    with _attackers(siege) as attackers:
        for attacker in attackers:
            for _ in range(CALLS):
                attacker.call(WATCH)
        yield


@contextmanager
def answers_that_nobody_reads(siege: Besieged) -> Iterator[None]:
    """Of watches and checks, on connections whose window is shut, and whose pings are answered."""
    with _attackers(siege, window=0) as attackers:
        for attacker in attackers:
            for _ in range(10):
                attacker.call(WATCH)
                attacker.call(CHECK)
        yield


@contextmanager
def long_names(siege: Besieged, metadata: tuple[tuple[str, str], ...] = ()) -> Iterator[None]:
    """Of services and jobs: 60 MiB each, compressed."""
    secret = grpc.ssl_channel_credentials(siege.ca.read_bytes())
    options = [("grpc.max_send_message_length", -1)]
    with grpc.secure_channel(f"localhost:{siege.port}", secret, options) as channel:

        def send(path: str) -> None:
            with suppress(grpc.RpcError):
                call = channel.unary_unary(path)
                call(LONG, metadata=metadata, compression=grpc.Compression.Gzip, timeout=30)

        with ThreadPoolExecutor(3) as pool:
            sent = [pool.submit(send, path) for path in (WATCH, CHECK, GET_JOB, HEALTH) for _ in range(2)]
            yield
            for each in sent:
                each.result()


@contextmanager
def calls_of_long_names(siege: Besieged) -> Iterator[None]:
    """Methods that nobody has, each another, without a token and with a wrong one."""
    with _attackers(siege) as attackers:
        for attacker in attackers:
            for _ in range(CALLS):
                name = base64.urlsafe_b64encode(os.urandom(2000)).decode()
                attacker.begin(f"/{name[:1000]}/{name[1000:]}", ("authorization", f"Bearer {name[:500]}"))
        yield


@contextmanager
def half_a_handshake(siege: Besieged) -> Iterator[None]:
    """Three hundred connections that begin TLS and say no more."""
    with _connections(siege.port, b"\x16\x03\x01\x02\x00\x01"):
        yield


@contextmanager
def _connections(port: int, first: bytes, number: int = GATEWAY_CONNECTIONS) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        opened = [stack.enter_context(socket.create_connection(("127.0.0.1", port), 30)) for _ in range(number)]
        for each in opened:
            with suppress(OSError):
                each.sendall(first)
        yield opened


@contextmanager
def http_that_stands_still(siege: Besieged, first: bytes) -> Iterator[None]:
    """Connections to the gateway that send this and no more."""
    with _connections(siege.web_port, first):
        yield


def head(method: str = "GET", path: str = "/v1/health", *more: str) -> bytes:
    """Of an HTTP request."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *more, "", ""]).encode()


@contextmanager
def bodies_of_strangers(siege: Besieged) -> Iterator[None]:
    """Twenty-four of 60 MiB, by those who do not listen before they have sent all."""
    first, block = head("POST", "/v1/animations?format=events", f"Content-Length: {60 * 2**20}"), bytes(2**20)

    def send(connection: socket.socket) -> None:
        with suppress(OSError):
            for _ in range(60):
                connection.sendall(block)

    with _connections(siege.web_port, first, 24) as opened, ThreadPoolExecutor(4) as pool:
        sent = [pool.submit(send, each) for each in opened]
        yield
        for each in sent:
            each.result()


@contextmanager
def methods_of_any_name(siege: Besieged) -> Iterator[None]:
    """Three hundred, of 50 KB, each another."""
    with ExitStack() as stack:
        for number in range(300):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", siege.web_port), 30))
            with suppress(OSError):
                connection.sendall(head(f"M{number}" + "X" * 50_000))
        yield


_KEY = f"Sec-WebSocket-Key: {'A' * 22}=="
WEBSOCKET = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    f"Sec-WebSocket-Key: {'A' * 22}==",
)
CHUNKED, FORM = "Transfer-Encoding: chunked", "Content-Type: multipart/form-data; boundary=x"
BEARER = f"Authorization: Bearer {OTHER_TOKEN}"

ATTACKS: dict[str, Attack] = {
    "probes that send nothing": lambda siege: calls_that_send_nothing(siege, CHECK, WATCH, HEALTH),
    "watches": watches,
    "answers that nobody reads": answers_that_nobody_reads,
    "names of 60 MiB": long_names,
    "methods that nobody has": calls_of_long_names,
    "half a TLS handshake": half_a_handshake,
    "calls of an insider that send nothing": lambda siege: calls_that_send_nothing(
        siege, GET_JOB, PROCESS, STREAM, more=INSIDER
    ),
    "HTTP that sends nothing": partial(http_that_stands_still, first=b""),
    "half a header": partial(http_that_stands_still, first=head()[:-4]),
    "half a body": partial(http_that_stands_still, first=head("POST", "/v1/jobs", CHUNKED) + b"ffff\r\nhalf"),
    "half a form of an insider": partial(
        http_that_stands_still, first=head("POST", "/v1/jobs", CHUNKED, FORM, BEARER) + b"ffff\r\n--x\r\n"
    ),
    "WebSockets without a start": partial(http_that_stands_still, first=head("GET", "/v1/stream", *WEBSOCKET, BEARER)),
    "pages that nobody reads": partial(http_that_stands_still, first=head("GET", "/viewer.js")),
    "bodies of 60 MiB": bodies_of_strangers,
    "HTTP methods of any name": methods_of_any_name,
}


def is_open(connection: socket.socket) -> bool:
    """Has the other end not closed it?"""
    connection.setblocking(False)
    try:
        return connection.recv(65_536) != b""
    except (BlockingIOError, ssl.SSLWantReadError):
        return True
    except OSError:
        return False
