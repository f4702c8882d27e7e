"""The live engine's process, wired: an engine, and the socket on which its server reaches it."""

from threading import Event

from emotalk import metrics
from emotalk.live.room import LiveRoom, serve_until
from emotalk.pipeline import Pipeline
from emotalk.processes import observed, parts
from emotalk.settings import Settings
from emotalk.supervision.leash import run_supervised

GOODBYE_SECONDS = 1.0


def live(settings: Settings, address: str, supervised: bool) -> None:
    """Serve the live pool of one server until told to stop, or until that server ends."""
    pipeline, stop = Pipeline(parts.engine(settings)), Event()
    metrics.say_build(pipeline.engine.card)
    room = LiveRoom(pipeline, parts.gains(settings), settings.max_seconds)
    # The server counts its speakers; one that has just hung up may still hold a place here.
    places = 2 * settings.live_sessions
    with observed.process(settings, "live", metrics.LIVE, supervised) as page:
        servers = run_supervised(
            lambda ready: serve_until(stop, room, address, places, ready), stop.set, page=page if supervised else None
        )
        for ended in [server.stop(GOODBYE_SECONDS) for server in servers]:
            ended.wait()
