"""A second contract, of which nothing in the server knows, stands behind everything that guards the first."""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from threading import Event

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from emotalk import metrics
from emotalk.live.conversation import Opening, SoundBlock
from emotalk.performance import Performance
from emotalk.server.contracts import CONTRACTS
from emotalk.server.contracts.base import Contract, Resources
from emotalk.server.guard.gate import CallKind
from emotalk.server.guard.guard import Guard
from tests.integration.served import PATIENCE, Inside, eventually
from tests.integration.test_live import SOUND, tone_relay

SERVICE = "somebody.Elses"
BEARER = (("authorization", "Bearer sesame-0123456789abcdef"),)


def register(server: grpc.aio.Server, resources: Resources) -> None:
    """Dance draws raw PCM16 and answers the frame counts; Echo answers what it hears; Ping says that it is there."""

    async def echo(request: bytes, context: grpc.aio.ServicerContext) -> bytes:
        return request

    async def dance(messages: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> None:
        async def blocks() -> AsyncIterator[SoundBlock]:
            async for message in messages:
                yield SoundBlock(message)

        opening = Opening("dance", Performance(), 16_000, as_clip=True)
        assert resources.live is not None
        with resources.in_hand:
            async with aclosing(resources.live.converse(opening, blocks())) as chunks:
                async for chunk in chunks:
                    await context.write(bytes(len(chunk.frames)))

    handlers = {
        "Echo": grpc.unary_unary_rpc_method_handler(echo),
        "Ping": grpc.unary_unary_rpc_method_handler(echo),
        "Dance": grpc.stream_stream_rpc_method_handler(dance),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))


KINDS = {"Echo": CallKind.REQUEST, "Dance": CallKind.STREAM, "Ping": CallKind.PROBE}
ELSES = Contract("elses", SERVICE, KINDS, register)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    tokens: Path = tmp_path_factory.mktemp("doors") / "tokens"
    tokens.write_text("studio sesame-0123456789abcdef\n")
    tokens.chmod(0o600)
    doors = Guard(token_file=tokens, receive_seconds=0.2)
    with Inside(doors=doors, relay=tone_relay(), contracts=(*CONTRACTS, ELSES)) as inside:
        yield inside


def count(method: str, code: str) -> float:
    return metrics.SERVER.get_sample_value("emotalk_calls_total", {"method": method, "code": code}) or 0.0


def test_without_a_token_only_its_probes_are_answered(served: Inside) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        served.channel.unary_unary(f"/{SERVICE}/Echo")(b"a", timeout=PATIENCE)
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert served.channel.unary_unary(f"/{SERVICE}/Echo")(b"a", metadata=BEARER, timeout=PATIENCE) == b"a"
    assert served.channel.unary_unary(f"/{SERVICE}/Ping")(b"a", timeout=PATIENCE) == b"a"


def test_a_request_of_it_or_of_the_health_service_that_never_arrives_is_ended(served: Inside) -> None:
    for path in (f"/{SERVICE}/Echo", f"/{SERVICE}/Ping", "/grpc.health.v1.Health/Check"):
        ended = Event()
        call = served.channel.stream_stream(path)(_never(ended), metadata=BEARER, timeout=PATIENCE)
        assert call.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert "had not arrived after 0.2 s" in call.details()
        ended.set()


def _never(ended: Event) -> Iterator[bytes]:
    ended.wait(PATIENCE)
    yield from ()


def test_its_calls_are_counted_and_its_probes_are_not(served: Inside) -> None:
    before = count("Echo", "OK"), count("Ping", "OK")
    for method in ("Echo", "Ping"):
        served.channel.unary_unary(f"/{SERVICE}/{method}")(b"a", metadata=BEARER, timeout=PATIENCE)
    eventually(lambda: count("Echo", "OK") == before[0] + 1)
    assert count("Ping", "OK") == before[1]


def test_health_and_reflection_know_it(served: Inside) -> None:
    health = health_pb2_grpc.HealthStub(served.channel)
    for name in ("", "emotalk", "emotalk.EmoTalkService", "elses", SERVICE):
        assert health.Check(health_pb2.HealthCheckRequest(service=name), timeout=PATIENCE).status == 1
    asked = reflection_pb2_grpc.ServerReflectionStub(served.channel).ServerReflectionInfo(
        iter([reflection_pb2.ServerReflectionRequest(list_services="")]), metadata=BEARER, timeout=PATIENCE
    )
    listed = {each.name for each in next(asked).list_services_response.service}
    assert listed == {
        *(each.service for each in CONTRACTS),
        SERVICE,
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }


def test_its_servicer_draws_live_sound_without_a_word_of_our_contract(served: Inside) -> None:
    dance = served.channel.stream_stream(f"/{SERVICE}/Dance")
    answers = dance(iter([SOUND[:3200], SOUND[3200:]]), metadata=BEARER, timeout=PATIENCE)
    assert sum(len(answer) for answer in answers) == 60
