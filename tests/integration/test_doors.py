"""The port behind TLS, certificates of clients and tokens: who comes in, and what the others are told."""

import asyncio
import datetime
import json
import logging
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status

from emotalk.address import Address
from emotalk.cli.exits import Exit
from emotalk.cli.port_owner import find_own_server
from emotalk.client import AsyncEmoTalkClient, Credentials, EmoTalkClient, Request
from emotalk.engines.tone import ToneEngine
from emotalk.errors import ClientLimit, ConfigurationError, EmoTalkError, ServerUnavailable, TlsFailed, Unauthenticated
from emotalk.server.guard.certificates import Tls
from emotalk.server.guard.guard import Guard
from emotalk.server.guard.quota import Quota
from emotalk.settings import Settings
from emotalk.wire import emotalk_pb2
from tests.integration.served import PATIENCE, Inside, command, eventually, outside, speech

TOKEN, NEW_TOKEN = "correct-horse-battery", "staple-of-another-kind"
HOUR = datetime.timedelta(hours=1)


@pytest.fixture(autouse=True)
def _quick_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emotalk.server.answers.switchboard.POLL_SECONDS", 0.02)
    monkeypatch.setattr("emotalk.worker.loop.CLAIM_WAIT", 0.02)
    monkeypatch.setattr("emotalk.server.run.GOODBYE_SECONDS", 0.05)


@dataclass(frozen=True)
class Papers:
    """An authority, a server's certificate, a client's, and a stranger's authority; PEM files in one folder."""

    folder: Path
    authority: trustme.CA
    stranger: trustme.CA

    def write(self, name: str, leaf: trustme.LeafCert) -> tuple[Path, Path]:
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        leaf.private_key_pem.write_to_path(key)
        certificate.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
        return certificate, key

    def server(self, *names: str, **dates: datetime.datetime) -> Tls:
        leaf = self.authority.issue_cert(*(names or ("localhost", "127.0.0.1")), **dates)
        return Tls(*self.write("server", leaf))

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    def client(self, authority: trustme.CA | None = None) -> Credentials:
        certificate, key = self.write("client", (authority or self.authority).issue_cert("me@example.org"))
        return Credentials(ca=self.ca, certificate=certificate, key=key)


@pytest.fixture
def papers(tmp_path: Path) -> Papers:
    one = Papers(tmp_path, trustme.CA(), trustme.CA())
    one.authority.cert_pem.write_to_path(one.ca)
    one.stranger.cert_pem.write_to_path(tmp_path / "stranger.pem")
    return one


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.write_text(f"# ours\nstudio {TOKEN}\n")
    path.chmod(0o600)
    return path


def animated(server: Inside, credentials: Credentials) -> int:
    """How many frames an answer has that came through these doors."""
    with EmoTalkClient("127.0.0.1", server.server.port, credentials=credentials, patience=1) as client:
        return sum(len(chunk.frames) for chunk in client.stream(Request(speech(1.0))))


def refusal(server: Inside, credentials: Credentials, host: str = "127.0.0.1") -> EmoTalkError:
    with (
        EmoTalkClient(host, server.server.port, credentials=credentials, sleep=lambda _: None) as client,
        pytest.raises(EmoTalkError) as caught,
    ):
        list(client.stream(Request(speech(1.0))))
    return caught.value


# --- TLS


def test_an_answer_comes_through_tls_and_both_kinds_of_client_speak_it(papers: Papers) -> None:
    credentials = Credentials(ca=papers.ca)

    async def asynchronously(port: int) -> int:
        async with AsyncEmoTalkClient("localhost", port, credentials=credentials) as client:
            assert await client.health()
            return sum([len(chunk.frames) async for chunk in client.stream(Request(speech(1.0)))])

    with Inside(engine=ToneEngine(), doors=Guard(papers.server())) as server:
        assert animated(server, credentials) == 30
        assert asyncio.run(asynchronously(server.server.port)) == 30


@pytest.mark.parametrize(
    ("client", "says"),
    [
        (lambda papers: Credentials(), "the server speaks TLS. Give --tls-ca PEM"),
        (lambda papers: Credentials(tls=True), "an authority that is not trusted here"),
        (lambda papers: Credentials(ca=papers.folder / "stranger.pem"), "an authority that is not trusted here"),
    ],
    ids=["no TLS", "the machine's authorities", "a stranger's authority"],
)
def test_a_client_that_cannot_agree_on_tls_is_told_why_at_once(
    papers: Papers, client: Callable[[Papers], Credentials], says: str
) -> None:
    with Inside(doors=Guard(papers.server())) as server:
        error = refusal(server, client(papers))
        assert isinstance(error, TlsFailed)
        assert says in str(error)
        with pytest.raises(TlsFailed, match=says), EmoTalkClient("127.0.0.1", server.server.port) as other:
            other.health() if says.startswith("the server speaks") else (_ for _ in ()).throw(error)


def test_an_expired_certificate_and_one_for_another_name_are_told_apart(papers: Papers) -> None:
    now = datetime.datetime.now(datetime.UTC)
    trusting = Credentials(ca=papers.ca)
    with Inside(doors=Guard(papers.server("127.0.0.1", not_before=now - 2 * HOUR, not_after=now - HOUR))) as server:
        assert "has expired" in str(refusal(server, trusting))
    with Inside(engine=ToneEngine(), doors=Guard(papers.server("far.example"))) as server:
        assert "another name" in str(refusal(server, trusting))
        assert animated(server, replace(trusting, server_name="far.example")) == 30


def test_tls_to_a_server_without_it_is_told_so_and_nobody_at_home_is_no_matter_of_tls(papers: Papers) -> None:
    with Inside() as server:
        assert "does not speak TLS" in str(refusal(server, Credentials(ca=papers.ca)))
    gone = refusal(server, Credentials(ca=papers.ca))
    assert type(gone) is ServerUnavailable


def test_a_renewed_certificate_is_used_without_a_restart_and_half_a_renewal_is_not(papers: Papers) -> None:
    trusting = Credentials(ca=papers.ca)
    tls = papers.server("old.example")
    with Inside(engine=ToneEngine(), doors=Guard(tls)) as server:
        assert animated(server, replace(trusting, server_name="old.example")) == 30
        old_key = tls.key.read_bytes()
        papers.server("new.example")
        new_key = tls.key.read_bytes()
        tls.key.write_bytes(old_key)
        assert animated(server, replace(trusting, server_name="old.example")) == 30
        tls.key.write_bytes(new_key)
        assert animated(server, replace(trusting, server_name="new.example")) == 30


@pytest.mark.parametrize("breakage", ["missing", "no PEM", "another key"])
def test_a_certificate_that_cannot_be_used_is_refused_by_name_before_the_port_opens(
    papers: Papers, breakage: str
) -> None:
    tls = papers.server()
    if breakage == "missing":
        tls.certificate.unlink()
    elif breakage == "no PEM":
        tls.certificate.write_text("hello")
    else:
        tls.key.write_bytes(papers.write("other", papers.authority.issue_cert("x.example"))[1].read_bytes())
    with pytest.raises(ConfigurationError, match=r"tls_cert: .*server\.pem"), Inside(doors=Guard(tls)):
        pass


def test_a_stranger_s_handshakes_write_nothing_into_the_server_s_log(papers: Papers) -> None:
    tls = papers.server()
    flags = ("--tls-cert", str(tls.certificate), "--tls-key", str(tls.key), "--no-web", "--no-worker")
    with outside(papers.folder, "serve", "--port", "0", *flags) as server:
        for knock in (Credentials(), Credentials(ca=papers.folder / "stranger.pem")):
            with pytest.raises(TlsFailed), EmoTalkClient("127.0.0.1", server.port, credentials=knock) as client:
                client.health()
        assert server.end() == Exit.OK
    assert [line for line in server.log if not re.match(r"\d{4}-\d\d-\d\dT", line)] == []


# --- certificates of clients


def test_only_clients_with_a_certificate_of_the_authority_come_in(papers: Papers) -> None:
    doors = Guard(replace(papers.server(), client_ca=papers.ca))
    with Inside(engine=ToneEngine(), doors=doors) as server:
        assert animated(server, papers.client()) == 30
        for stranger in (Credentials(ca=papers.ca), papers.client(papers.stranger)):
            error = refusal(server, stranger)
            assert isinstance(error, TlsFailed)
            assert "It wants another client certificate: --tls-cert" in str(error)


# --- tokens


def test_a_token_opens_and_any_other_or_none_is_unauthenticated_before_the_request_is_read(tokens: Path) -> None:
    with Inside(engine=ToneEngine(), doors=Guard(token_file=tokens)) as server:
        assert animated(server, Credentials(token=TOKEN)) == 30
        assert animated(server, Credentials(token_file=tokens)) == 30
        none, wrong = refusal(server, Credentials()), refusal(server, Credentials(token=TOKEN[:-1]))
        assert isinstance(none, Unauthenticated)
        assert isinstance(wrong, Unauthenticated)
        assert "no token was sent" in str(none)
        assert "not known here" in str(wrong)
        assert TOKEN[:-1] not in str(wrong)
        assert len(server.queue.jobs()) == 2


def test_every_call_of_the_contract_and_reflection_want_the_token_but_health_does_not(tokens: Path) -> None:
    with Inside(doors=Guard(token_file=tokens)) as server:
        assert server.stub.HealthCheck(emotalk_pb2.HealthCheckRequest()).status == 1
        standard = health_pb2_grpc.HealthStub(server.channel)
        assert standard.Check(health_pb2.HealthCheckRequest()).status == 1
        service = emotalk_pb2.DESCRIPTOR.services_by_name["EmoTalkService"]
        for method in service.methods:
            if method.name != "HealthCheck":
                assert code_of(server, f"/{service.full_name}/{method.name}") is grpc.StatusCode.UNAUTHENTICATED
        reflect = reflection_pb2_grpc.ServerReflectionStub(server.channel).ServerReflectionInfo
        with pytest.raises(grpc.RpcError) as caught:
            list(reflect(iter([reflection_pb2.ServerReflectionRequest(list_services="")])))
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def code_of(server: Inside, method: str, payload: bytes = b"") -> grpc.StatusCode:
    call = server.channel.unary_stream(method)(payload, timeout=10)
    with pytest.raises(grpc.RpcError) as caught:
        list(call)
    return caught.value.code()


@pytest.mark.parametrize("header", ["", "Basic x", "Bearer", "Bearer ", TOKEN, f"Bearer{TOKEN}", f"Bearer {TOKEN} x"])
def test_a_header_that_is_no_bearer_token_opens_nothing(tokens: Path, header: str) -> None:
    assert Guard(token_file=tokens).tokens().holder(header) is None  # type: ignore[union-attr]


def test_an_old_and_a_new_token_hold_side_by_side_and_a_deleted_one_no_longer(tokens: Path) -> None:
    held = Guard(token_file=tokens).tokens()
    assert held is not None
    tokens.write_text(f"studio {TOKEN}\nstudio {NEW_TOKEN}\n")
    assert [held.holder(f"Bearer {each}") for each in (TOKEN, NEW_TOKEN)] == ["studio", "studio"]
    tokens.write_text(f"{NEW_TOKEN}\n")
    assert held.holder(f"bearer {TOKEN}") is None
    assert str(held.holder(f"bearer {NEW_TOKEN}")).startswith("token ")
    tokens.write_text("short\n")
    assert held.holder(f"bearer {NEW_TOKEN}") is not None
    tokens.unlink()
    assert held.holder(f"bearer {NEW_TOKEN}") is not None


@pytest.mark.parametrize("text", ["", "# nothing\n", "short", f"one two {TOKEN}", "ünprintable-ünprintable"])
def test_a_file_that_holds_no_token_is_refused_by_name(tokens: Path, text: str) -> None:
    tokens.write_text(text)
    with pytest.raises(ConfigurationError, match=r"token_file: .*tokens"):
        Guard(token_file=tokens).tokens()


# --- limits


def test_the_contract_is_not_told_where_reflection_is_off() -> None:
    with Inside(doors=Guard(reflection=False)) as server:
        assert code_of(server, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo") is (
            grpc.StatusCode.UNIMPLEMENTED
        )


def test_more_calls_than_allowed_are_refused_at_once_and_the_others_go_on() -> None:
    with Inside(doors=Guard(max_concurrent_rpcs=2)) as server:
        waiting = [server.ask(request_id=name) for name in ("one", "two")]
        assert all(call.initial_metadata() for call in waiting)
        assert code_of(server, "/emotalk.EmoTalkService/ProcessAudio") is grpc.StatusCode.RESOURCE_EXHAUSTED
        server.work()
        assert [list(call)[-1].is_final for call in waiting] == [True, True]


def test_connections_beyond_the_limit_are_closed_and_the_others_stay() -> None:
    with Inside(doors=Guard(max_concurrent_rpcs=2)) as server, ExitStack() as stack:
        place = ("127.0.0.1", server.server.port)
        knocks = [stack.enter_context(socket.create_connection(place, PATIENCE)) for _ in range(12)]
        assert sum(map(_is_let_in, knocks)) == 8


def _is_let_in(knock: socket.socket) -> bool:
    """A server of HTTP/2 speaks first."""
    try:
        return len(knock.recv(1)) == 1
    except ConnectionResetError:
        return False


def test_there_are_never_more_connections_than_descriptors_to_hold_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emotalk.server.guard.descriptors._raise_descriptor_limit", lambda: 1024)
    assert dict(Guard().options())["grpc.max_allowed_incoming_connections"] == 1024 - 256
    assert dict(Guard(max_concurrent_rpcs=10).options())["grpc.max_allowed_incoming_connections"] == 40


def test_a_request_beyond_the_receive_limit_is_refused_by_grpc() -> None:
    with Inside(doors=Guard(max_receive_bytes=2**20)) as server:
        with pytest.raises(grpc.RpcError) as caught:
            list(server.ask(bytes(2**20)))
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_compressed_request_that_swells_beyond_the_limit_is_refused() -> None:
    with Inside(doors=Guard(max_receive_bytes=2**20)) as server:
        request = emotalk_pb2.AudioRequest(audio_data=bytes(2**24))
        with pytest.raises(grpc.RpcError) as caught:
            list(server.stub.ProcessAudio(request, compression=grpc.Compression.Gzip, timeout=10))
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_request_that_trickles_in_is_ended_and_one_that_is_whole_waits_as_long_as_it_must() -> None:
    with Inside(doors=Guard(receive_seconds=0.2)) as server:
        never = threading.Event()

        def nothing() -> Iterator[emotalk_pb2.AudioRequest]:
            never.wait()
            yield from ()

        trickle = server.channel.stream_stream(
            "/emotalk.EmoTalkService/ProcessAudio", emotalk_pb2.AudioRequest.SerializeToString
        )
        whole = server.ask(request_id="whole")
        whole.initial_metadata()
        with pytest.raises(grpc.RpcError) as caught:
            list(trickle(nothing(), timeout=30))
        never.set()
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        status = rpc_status.from_call(caught.value)
        info = error_details_pb2.ErrorInfo()
        assert status is not None
        assert status.details[0].Unpack(info)
        server.work()
        assert list(whole)[-1].is_final


# --- limits of one client


def detail(error: grpc.RpcError, kind: Any) -> Any:
    status = rpc_status.from_call(error)
    assert status is not None
    return next((found for each in status.details if each.Unpack(found := kind())), None)


def refused(call: Any) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        list(call)
    return caught.value


def test_a_client_with_enough_in_the_queue_is_told_when_to_come_back_and_which_limit_it_met() -> None:
    with Inside(doors=Guard(quota=Quota(requests=2))) as server:
        calls = [server.ask(request_id=name) for name in ("one", "two")]
        assert all(call.initial_metadata() for call in calls)
        error = refused(server.ask(request_id="three"))
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        (violation,) = detail(error, error_details_pb2.QuotaFailure).violations
        assert violation.subject == "127.0.0.1"
        assert "2 requests" in violation.description
        assert detail(error, error_details_pb2.RetryInfo).retry_delay.seconds > 0
        assert len(server.queue.jobs()) == 2


def test_joining_what_is_running_counts_as_nothing_new_and_what_is_answered_makes_room() -> None:
    with Inside(doors=Guard(quota=Quota(requests=1))) as server:
        first = server.ask(request_id="one")
        first.initial_metadata()
        again = server.ask(request_id="one")
        again.initial_metadata()
        server.work()
        assert list(first)[-1].is_final
        assert list(again)[-1].is_final
        assert server.ask(request_id="two").initial_metadata()


def test_a_client_that_hangs_up_or_only_submits_still_has_its_job_in_the_queue() -> None:
    with Inside(doors=Guard(quota=Quota(requests=2))) as server:
        left = server.ask(request_id="left")
        left.initial_metadata()
        left.cancel()
        server.stub.SubmitAudio(emotalk_pb2.AudioRequest(request_id="submitted", audio_data=speech(1.0)))
        with pytest.raises(grpc.RpcError) as caught:
            server.stub.SubmitAudio(emotalk_pb2.AudioRequest(request_id="three", audio_data=speech(1.0)))
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        server.work()
        eventually(lambda: _submits(server, "four"))


def _submits(server: Inside, request_id: str) -> bool:
    try:
        server.stub.SubmitAudio(emotalk_pb2.AudioRequest(request_id=request_id, audio_data=speech(1.0)))
    except grpc.RpcError:
        return False
    return True


def test_seconds_of_sound_are_limited_too_and_a_refused_request_counts_for_nothing() -> None:
    with Inside(doors=Guard(quota=Quota(seconds=5.0))) as server:
        assert server.ask(speech(3.0), request_id="one").initial_metadata()
        assert refused(server.ask(speech(3.0))).code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert refused(server.ask(speech(6.0))).code() is grpc.StatusCode.INVALID_ARGUMENT
        assert refused(server.ask(b"no sound")).code() is grpc.StatusCode.INVALID_ARGUMENT
        assert server.ask(speech(2.0), request_id="two").initial_metadata()


def test_whoever_holds_a_token_is_a_client_from_wherever_they_call(tokens: Path) -> None:
    tokens.write_text(f"studio {TOKEN}\nstudio {NEW_TOKEN}\ngame {'g' * 20}\n")
    with Inside(doors=Guard(token_file=tokens, quota=Quota(requests=1))) as server:

        def submit(token: str) -> None:
            with EmoTalkClient("127.0.0.1", server.server.port, credentials=Credentials(token=token)) as client:
                client.submit(Request(speech(1.0)))

        submit(TOKEN)
        with pytest.raises(ClientLimit, match="studio"):
            submit(NEW_TOKEN)
        submit("g" * 20)


def test_a_certificate_s_subject_is_a_client(papers: Papers) -> None:
    doors = Guard(replace(papers.server(), client_ca=papers.ca), quota=Quota(requests=1))
    own = papers.client()
    with (
        Inside(doors=doors) as server,
        EmoTalkClient("127.0.0.1", server.server.port, credentials=own) as client,
    ):
        client.submit(Request(speech(1.0)))
        with pytest.raises(ClientLimit, match=r"1 requests of .*OU=Testing cert"):
            client.submit(Request(speech(1.0)))


# --- what is said of it


@pytest.mark.parametrize(
    ("host", "says"),
    [
        ("127.0.0.1", ""),
        ("::1", ""),
        ("localhost", ""),
        ("0.0.0.0", "every interface"),
        ("[::]", "every interface"),
        ("10.0.0.7", "10.0.0.7"),
    ],
)
def test_listening_beyond_this_machine_without_tls_and_token_is_warned_of(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, host: str, says: str
) -> None:
    monkeypatch.setattr(logging.getLogger("emotalk"), "propagate", True)
    Guard().warn(Address(host))
    assert bool(caplog.records) == bool(says)
    assert says in caplog.text


@pytest.mark.parametrize(("host", "told"), [("127.0.0.1", False), ("face.example", True)])
def test_a_token_that_would_go_over_the_net_in_the_clear_is_warned_of(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, papers: Papers, host: str, told: bool
) -> None:
    monkeypatch.setattr(logging.getLogger("emotalk"), "propagate", True)
    EmoTalkClient(host, 1, credentials=Credentials(token=TOKEN)).close()
    EmoTalkClient(host, 1, credentials=Credentials(token=TOKEN, ca=papers.ca)).close()
    EmoTalkClient(host, 1).close()
    assert [record.getMessage() for record in caplog.records] == [f"the token goes to {host} in the clear"] * told
    assert TOKEN not in caplog.text


def test_credentials_do_not_show_their_token() -> None:
    assert TOKEN not in repr(Credentials(token=TOKEN))


def doctor(tmp_path: Path, *flags: str) -> dict[str, Any]:
    """What it finds of the doors."""
    done = command(tmp_path, "doctor", "--json", "--engine", "tone", "--port", "0", *flags)
    return next(finding for finding in json.loads(done.stdout) if finding["what"] == "doors")


def test_doctor_looks_at_certificate_and_tokens_and_names_what_is_wrong(papers: Papers, tokens: Path) -> None:
    now, folder = datetime.datetime.now(datetime.UTC), papers.folder
    tls = papers.server(not_after=now + 240 * HOUR)
    flags = ("--tls-cert", str(tls.certificate), "--tls-key", str(tls.key), "--token-file", str(tokens))
    found = doctor(folder, *flags)
    assert (found["well"], found["text"]) == (True, "TLS, certificate good for 10 days; 1 token")
    papers.server(not_before=now - 2 * HOUR, not_after=now - HOUR)
    expired = doctor(folder, *flags)
    assert not expired["well"]
    assert "expired" in expired["text"]
    assert "server.pem" in expired["text"]
    tokens.write_text("short\n")
    assert "token_file: line 1" in doctor(folder, *flags[4:])["text"]


def test_our_own_server_behind_tls_is_known_by_our_certificate_and_by_no_other(papers: Papers) -> None:
    tls = replace(papers.server(), client_ca=papers.ca)
    another = papers.write("another", papers.authority.issue_cert("localhost"))

    def known(*pair: Path) -> str:
        certificate, key = map(str, pair) if pair else ("", "")
        return find_own_server(Settings(port=server.server.port, tls_cert=certificate, tls_key=key))

    with Inside(doors=Guard(tls=tls)) as server:
        assert known(tls.certificate, tls.key) == "our own server runs there, behind TLS"
        assert known(*another) == known() == ""


def test_send_and_health_go_through_tls_with_a_token_and_say_by_their_exit_code_what_is_wrong(
    papers: Papers, tokens: Path
) -> None:
    folder = papers.folder
    (folder / "speech.wav").write_bytes(speech(1.0))
    with Inside(engine=ToneEngine(), doors=Guard(papers.server(), tokens)) as server:
        port = str(server.server.port)
        send = ("send", "speech.wav", "--port", port)
        good = command(folder, *send, "-o", "face.npy", "--tls-ca", "ca.pem", "--token-file", "tokens")
        assert good.returncode == Exit.OK, good.stderr
        assert (folder / "face.npy").exists()
        for flags, says in (
            (("--tls-ca", "ca.pem"), "no token was sent"),
            (("--tls-ca", "stranger.pem", "--token-file", "tokens"), "not trusted here"),
            ((), "the server speaks TLS"),
        ):
            done = command(folder, *send, *flags)
            assert (done.returncode, says in done.stderr) == (Exit.DENIED, True), done.stderr
        assert command(folder, "health", f"localhost:{port}", "--tls-ca", "ca.pem").returncode == Exit.OK
        assert command(folder, "health", f"localhost:{port}").returncode == Exit.DENIED
