"""A face on its way to an avatar that is on the screen now: VMC, Live Link Face, WebSocket; 30 frames a second."""

from emotalk.play.addresses import SCHEMES, connect
from emotalk.play.base import Receiver
from emotalk.play.pace import play

__all__ = ["SCHEMES", "Receiver", "connect", "play"]
