"""Audio2Face-3D's calls, so that its clients work unchanged. Like StreamAudio they promise no durability."""

import logging
from collections.abc import AsyncIterator
from contextlib import aclosing

import grpc

from emotalk.errors import EmoTalkError
from emotalk.jobs.intake import make_id
from emotalk.live.pool import LivePool
from emotalk.server.contracts.audio2face_call import AudioCall
from emotalk.server.contracts.base import Contract, Resources, calls_of
from emotalk.wire.a2f import a2f_controller_pb2, a2f_controller_pb2_grpc
from emotalk.wire.audio2face import END, SUCCESS, AudioStream, read_header, to_error

log = logging.getLogger(__name__)


class A2FControllerService(a2f_controller_pb2_grpc.A2FControllerServiceServicer):
    """Speaks protobuf; a call is answered by an AudioCall."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def ProcessAudioStream(  # noqa: N802 - the contract's name
        self, messages: AsyncIterator[AudioStream], context: grpc.aio.ServicerContext
    ) -> None:
        """A clip or a live speaker: a header, frames with their sound, an event and a status."""
        live = self._resources.live
        if live is None:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "this server takes no live sound")
            return
        request_id = make_id()
        with self._resources.in_hand:
            try:
                await self._answer(request_id, live, messages, context)
            except EmoTalkError as error:
                await context.write(to_error(str(error)))
                facts = {"request_id": request_id, "error": str(error), "kind": type(error).__name__}
                log.info("refused", extra=facts)
                raise

    async def _answer(
        self, request_id: str, live: LivePool, messages: AsyncIterator[AudioStream], context: grpc.aio.ServicerContext
    ) -> None:
        asked = read_header(await live.next_of(messages))
        log.info("listening", extra={"request_id": request_id, "rate": asked.rate})
        call = AudioCall(request_id, asked, live, self._resources.limits)
        async with aclosing(call.answers(messages)) as answers:
            async for answer in answers:
                await context.write(answer)
        await context.write(END)
        await context.write(SUCCESS)
        log.info("answered", extra=call.facts())


def _register(server: grpc.aio.Server, resources: Resources) -> None:
    a2f_controller_pb2_grpc.add_A2FControllerServiceServicer_to_server(A2FControllerService(resources), server)


_SERVICE = a2f_controller_pb2.DESCRIPTOR.services_by_name["A2FControllerService"]
A2F_CONTROLLER = Contract("a2f", _SERVICE.full_name, calls_of(_SERVICE), _register)
