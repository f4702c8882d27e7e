"""A face on its way to an avatar that is on the screen now: VMC, Live Link Face, WebSocket; 30 frames a second."""

from emotalk.live.addresses import SCHEMES, connect
from emotalk.live.base import Receiver
from emotalk.live.pace import play

__all__ = ["SCHEMES", "Receiver", "connect", "play"]
