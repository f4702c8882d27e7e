"""Audio2Face-3D's calls behind all that guards ours, and what their callers hear when something breaks."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any

import grpc
import pytest

from emotalk.server import listeners
from emotalk.server.contracts import contracts_of
from emotalk.server.guard.guard import Guard
from emotalk.supervision.sockets import PrivateSocket
from tests.a2f.caller import Heard, clip, hear, open_call, pcm, pieces, refused, unfinished
from tests.a2f.page import CONFIGS, END, PROCESS, Answer, AudioStream, Config, ConfigsTypeRequest, header, piece
from tests.integration.served import PATIENCE, Inside, Outside, eventually
from tests.integration.test_doors import Papers, papers  # noqa: F401 - a fixture
from tests.integration.test_live import engines, tone_relay
from tests.kafka.broker import free_ports

ERROR = 3
TOKEN = "sesame-0123456789abcdef"
BEARER = (("authorization", f"Bearer {TOKEN}"),)
SOUND = pcm(1.0)
SPOKEN = pcm(2.0)
"""Enough for the test engine to answer while more comes."""


def frames(channel: grpc.Channel, **options: Any) -> int:
    return len(hear(channel, clip(SOUND), **options).frames)


def test_an_engine_that_dies_is_an_error_and_a_status_and_the_next_call_is_answered(served: Inside) -> None:
    frames(served.channel)
    answers: list[Any] = []

    def caller() -> Iterator[Any]:
        yield header()
        yield from pieces(SPOKEN, 1_600)
        eventually(lambda: any(each.HasField("animation_data") for each in answers))
        for pid in engines():
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: not engines())
        yield piece(SOUND)

    heard, died = refused(served.channel, caller(), answers=answers)
    assert died.code() is grpc.StatusCode.UNAVAILABLE
    assert [code for code, _ in heard.statuses] == [ERROR]
    assert frames(served.channel) == 30


def test_who_is_refused_while_still_sending_hears_why(served: Inside) -> None:
    """grpc.aio, which NVIDIA's samples use, says INTERNAL of a call that ends while a message is on its way."""

    codes = {asyncio.run(_code_of_a_busy_caller(served, header(8_000))) for _ in range(5)}
    assert codes == {grpc.StatusCode.INVALID_ARGUMENT}


async def _code_of_a_busy_caller(served: Inside, first: AudioStream) -> grpc.StatusCode:
    """Of one who goes on sending, whatever is heard meanwhile, until its call takes no more."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{served.server.port}") as channel:
        call = channel.stream_stream(
            PROCESS, request_serializer=AudioStream.SerializeToString, response_deserializer=Answer.FromString
        )(timeout=PATIENCE)
        with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            for message in [first, *pieces(SPOKEN, 1_600), END]:
                await call.write(message)
        with suppress(grpc.aio.AioRpcError):
            while await call.read() is not grpc.aio.EOF:
                pass
        return await call.code()


def test_a_caller_without_a_token_hears_why_while_still_sending(tmp_path: Path) -> None:
    with Inside(relay=tone_relay(), doors=Guard(token_file=_tokens(tmp_path))) as server:
        codes = {asyncio.run(_code_of_a_busy_caller(server, header())) for _ in range(10)}
    assert codes == {grpc.StatusCode.UNAUTHENTICATED}


def test_a_call_that_is_cancelled_in_the_middle_gives_its_place_back() -> None:
    with Inside(relay=tone_relay(places=1)) as server:
        done = Event()
        call = open_call(server.channel, unfinished([header(), *pieces(SPOKEN, 1_600)], done))
        eventually(lambda: next(call).HasField("animation_data"))
        _, full = refused(server.channel, [header(), *pieces(SPOKEN, 1_600)])
        assert full.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        call.cancel()
        done.set()
        eventually(lambda: _is_free(server))


def _is_free(server: Inside) -> bool:
    try:
        return frames(server.channel) == 30
    except grpc.RpcError:
        return False


def test_a_server_that_drains_finishes_the_call_in_hand() -> None:
    with Inside(relay=tone_relay(places=1)) as server:
        begun = Event()

        def caller() -> Iterator[Any]:
            yield header()
            begun.wait(PATIENCE)
            server.stop()
            eventually(lambda: not server.server._readiness.ready)
            yield from (piece(SOUND), piece(SOUND), END)

        call = open_call(server.channel, caller())
        first = next(call)
        begun.set()
        heard = Heard([first, *call])
        assert len(heard.frames) == 60
        assert heard.kinds[-1] == "status"


class Window:
    """A gateway's place in the server, with nobody at it."""

    def __init__(self) -> None:
        self.upstream = PrivateSocket.make("test")

    def open(self) -> None:
        pass

    async def close(self) -> None:
        self.upstream.close()


def test_a_server_that_drains_opens_no_socket_for_new_callers(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listeners, "LOOK_SECONDS", 0.001)
    window = Window()
    with Inside(relay=tone_relay(places=1), window=window) as server:
        begun = Event()

        def caller() -> Iterator[Any]:
            yield header()
            begun.wait(PATIENCE)
            server.stop()
            eventually(lambda: not window.upstream.is_present())
            yield from (piece(SOUND), piece(SOUND), END)

        call = open_call(server.channel, caller())
        answers = [next(call)]
        begun.set()
        answers += call
        assert len(Heard(answers).frames) == 60
    assert "socket made again" not in caplog.messages


def test_a_caller_that_reads_nothing_gives_its_place_back_and_holds_up_nobody() -> None:
    with Inside(relay=tone_relay(places=1), max_seconds=700.0) as server:
        done = Event()
        silent = open_call(server.channel, unfinished(clip(pcm(600.0)), done), timeout=4 * PATIENCE)
        assert next(silent).HasField("animation_data_stream_header")
        assert frames(server.channel) == 30
        assert sum(answer.HasField("animation_data") for answer in silent) == 18_000
        done.set()


def test_who_falls_silent_hears_of_it() -> None:
    with Inside(relay=tone_relay(places=1, idle_seconds=0.3)) as server:
        heard, error = refused(server.channel, [header(), piece(SOUND)])
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert [code for code, _ in heard.statuses] == [ERROR]


def test_tokens_guard_it(tmp_path: Path) -> None:
    with Inside(relay=tone_relay(), doors=Guard(token_file=_tokens(tmp_path))) as server:
        for metadata in ((), (("authorization", "Bearer nobody-knows-this-one"),)):
            _, error = refused(server.channel, clip(SOUND), metadata=metadata)
            assert error.code() is grpc.StatusCode.UNAUTHENTICATED
        assert frames(server.channel, metadata=BEARER) == 30


def _tokens(folder: Path) -> Path:
    tokens = folder / "tokens"
    tokens.write_text(f"studio {TOKEN}\n")
    tokens.chmod(0o600)
    return tokens


def test_tls_and_mutual_tls_guard_it(papers: Papers) -> None:  # noqa: F811 - the fixture
    tls = papers.server()
    authority = papers.ca.read_bytes()
    with Inside(relay=tone_relay(), doors=Guard(tls)) as server:
        where = f"localhost:{server.server.port}"
        with grpc.secure_channel(where, grpc.ssl_channel_credentials(authority)) as channel:
            assert frames(channel) == 30
    mutual = Guard(type(tls)(tls.certificate, tls.key, papers.ca))
    with Inside(relay=tone_relay(), doors=mutual) as server:
        where = f"localhost:{server.server.port}"
        with grpc.secure_channel(where, _known(papers)) as channel:
            assert frames(channel) == 30
        with grpc.secure_channel(where, grpc.ssl_channel_credentials(authority)) as channel:
            _, error = refused(channel, clip(SOUND))
            assert error.code() is grpc.StatusCode.UNAVAILABLE


def _known(papers: Papers) -> grpc.ChannelCredentials:  # noqa: F811 - not the fixture
    certificate, key = papers.write("client", papers.authority.issue_cert("me@example.org"))
    return grpc.ssl_channel_credentials(papers.ca.read_bytes(), key.read_bytes(), certificate.read_bytes())


def test_a_server_without_live_places_says_so() -> None:
    with Inside() as server:
        _, error = refused(server.channel, clip(SOUND))
        assert error.code() is grpc.StatusCode.UNIMPLEMENTED


def test_the_calls_can_be_taken_away() -> None:
    with Inside(relay=tone_relay(), contracts=contracts_of(None)) as server:
        _, error = refused(server.channel, clip(SOUND))
        assert error.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_port_of_its_own_is_guarded_like_ours_answers_the_same_and_shows_the_configuration(
    tmp_path: Path,
    papers: Papers,  # noqa: F811 - the fixture
) -> None:
    [port], tls, tokens = free_ports(1), papers.server(), _tokens(tmp_path)
    words = ("serve", "--queue", "memory://", "--engine", "tone", "--port", "0", "--a2f-port", str(port))
    guard = ("--tls-cert", tls.certificate, "--tls-key", tls.key, "--tls-client-ca", papers.ca, "--token-file", tokens)
    outside = Outside(tmp_path, *words, *map(str, guard), "--live-sessions", "3", "--gains", "jawOpen=1.5")
    nobody_known = grpc.ssl_channel_credentials(papers.ca.read_bytes())
    try:
        for each in (port, outside.port):
            with grpc.secure_channel(f"localhost:{each}", _known(papers)) as channel:
                _, nobody = refused(channel, clip(SOUND))
                assert nobody.code() is grpc.StatusCode.UNAUTHENTICATED
                assert frames(channel, metadata=BEARER) == 30
                for kind, suffix in enumerate((".yaml", ".json")):
                    _check_configs(_configs(channel, kind), suffix, port)
            with grpc.secure_channel(f"localhost:{each}", nobody_known) as channel:
                _, stranger = refused(channel, clip(SOUND), metadata=BEARER)
                assert stranger.code() is grpc.StatusCode.UNAVAILABLE
    finally:
        assert outside.end() == 0


def _configs(channel: grpc.Channel, kind: int) -> dict[str, str]:
    call = channel.unary_stream(
        CONFIGS, request_serializer=ConfigsTypeRequest.SerializeToString, response_deserializer=Config.FromString
    )
    return {
        each.name: each.content
        for each in call(ConfigsTypeRequest(config_type=kind), metadata=BEARER, timeout=PATIENCE)
    }


def _check_configs(files: dict[str, str], suffix: str, port: int) -> None:
    import json

    import yaml

    read = json.loads if suffix == ".json" else yaml.safe_load
    names = [f"{name}_config{suffix}" for name in ("stylization", "deployment", "advanced")]
    assert list(files) == names
    style, deployment, advanced = (read(files[name]) for name in names)
    assert style["blendshape_params"]["weight_multipliers"]["JawOpen"] == 1.5
    assert style["face_params"]["upperFaceStrength"] == 1
    assert deployment["common"]["stream_number"] == 3
    assert deployment["grpc"]["port"] == port
    assert advanced["engine"] == "tone"
