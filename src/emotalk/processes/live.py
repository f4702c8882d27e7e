"""A live engine's process, wired: an engine, and the socket on which its server reaches it."""

import asyncio
from collections.abc import Callable

from emotalk import metrics
from emotalk.errors import ConfigurationError
from emotalk.live.room import LiveRoom
from emotalk.live.serving import Serving
from emotalk.performance import Performance
from emotalk.pipeline import Pipeline
from emotalk.processes import observed, parts
from emotalk.settings import Settings
from emotalk.supervision.leash import run_supervised
from emotalk.supervision.sockets import PrivateSocket


def serve_live(settings: Settings, address: str, supervised: bool) -> None:
    """Serve the live pool of one server until told to stop, or until that server ends. Raises ConfigurationError."""
    socket = PrivateSocket.of(address)
    if socket is None:
        raise ConfigurationError(f"address: {address} is not a socket of this machine. Use unix:PATH.")
    pipeline = Pipeline(parts.load_engine(settings))
    metrics.say_build(pipeline.engine.card)
    pipeline.live(Performance())  # the first speaker does not wait for what only live streams need
    room = LiveRoom(pipeline, parts.make_gains(settings), settings.max_seconds)
    metrics.LIVE_LATE.set_function(room.latest)
    loop, serving = asyncio.new_event_loop(), Serving(room)

    def body(ready: Callable[[], None]) -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serving.run(socket, ready))

    with observed.show_process(settings, "live", metrics.LIVE, supervised) as page:
        run_supervised(body, lambda: loop.call_soon_threadsafe(serving.stop), page=page if supervised else None)
