"""iFacialMocap's text over UDP, as VSeeFace, Warudo, VMagicMirror, VRCFaceTracking and its own plug-ins read it.

`trackingStatus-1|NAME-VALUE|…|=head#PITCH,YAW,ROLL,X,Y,Z|rightEye#PITCH,YAW,ROLL|leftEye#PITCH,YAW,ROLL|`: 52 names
with `_L` and `_R`, values in whole percent, angles in degrees: positive is down, to the own left, to the own right
shoulder. The phone waits until a program asks for it; programs that listen take it unasked.
"""

import re
import socket
from collections.abc import Sequence

from emotalk.export.livelink import gaze
from emotalk.face import ARKIT_NAMES

DEFAULT_PORT = 49983

_SIDES = re.compile(r"(?<!^mouth)(?<!^jaw)(Left|Right)$")
_NAMES = [_SIDES.sub(lambda side: f"_{side[1][0]}", name) for name in ARKIT_NAMES]
"""mouthLeft and jawRight are ways to go, and keep their names."""


class IFacialMocap:
    """Sends where a program listens for the phone."""

    def __init__(self, host: str, port: int) -> None:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        self._socket, self._address = socket.socket(family, kind, protocol), address

    def send(self, frame: int, seconds: float, values: Sequence[float], head: Sequence[float] | None = None) -> None:
        """See Receiver."""
        shapes = "".join(f"{name}-{_to_percent(value)}|" for name, value in zip(_NAMES, values, strict=True))
        yaw, pitch, roll = head or (0.0, 0.0, 0.0)
        eyes = "".join(f"{side.lower()}Eye#{_format_angles(values, side)}|" for side in ("Right", "Left"))
        text = f"trackingStatus-1|{shapes}=head#{pitch:.4f},{yaw:.4f},{roll:.4f},0,0,0|{eyes}"
        self._socket.sendto(text.encode(), self._address)

    def close(self) -> None:
        """The text knows no good-bye."""
        self._socket.close()


def _to_percent(value: float) -> int:
    return round(100 * min(max(value, 0.0), 1.0))


def _format_angles(values: Sequence[float], side: str) -> str:
    left, down = gaze(values, side)
    return f"{down:.4f},{left:.4f},0"
