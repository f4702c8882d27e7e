"""VMC (Virtual Motion Capture protocol) over OSC: VSeeFace, Warudo, VNyan, and whatever else moves VRM avatars.

A frame is one OSC bundle: `/VMC/Ext/OK 1`, `/VMC/Ext/T seconds`, `/VMC/Ext/Blend/Val name value` for each shape, and
`/VMC/Ext/Blend/Apply`, after which the receiver shows them at once. Where the clip has a head, `/VMC/Ext/Bone/Pos Head`
turns it against the neck; the position is 0, for where its head is, an avatar's program knows itself.
"""

from collections.abc import Sequence

import numpy as np
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.udp_client import UDPClient

from emotalk.face import ARKIT_NAMES
from emotalk.head.turn import quaternions

DEFAULT_PORT = 39539
NAMES = ("pascal", "camel")


class Vmc:
    """`names`: "pascal" (BrowDownLeft, as perfect-sync VRM models call their clips) or "camel" (browDownLeft)."""

    def __init__(self, host: str, port: int, names: str = "pascal") -> None:
        self._client = UDPClient(host, port)
        pascal = names == "pascal"
        self._names = [name[0].upper() + name[1:] if pascal else name for name in ARKIT_NAMES]

    def send(self, frame: int, seconds: float, values: Sequence[float], head: Sequence[float] | None = None) -> None:
        """See Receiver."""
        bundle = OscBundleBuilder(IMMEDIATELY)
        bundle.add_content(_message("/VMC/Ext/OK", ("i", 1)))
        bundle.add_content(_message("/VMC/Ext/T", ("f", seconds)))
        for name, value in zip(self._names, values, strict=True):
            bundle.add_content(_message("/VMC/Ext/Blend/Val", ("s", name), ("f", value)))
        bundle.add_content(_message("/VMC/Ext/Blend/Apply"))
        if head is not None:
            turn = (("f", value) for value in (0.0, 0.0, 0.0, *_unity(head)))
            bundle.add_content(_message("/VMC/Ext/Bone/Pos", ("s", "Head"), *turn))
        self._client.send(bundle.build())

    def close(self) -> None:
        """Tell the receiver that no more comes."""
        self._client.send(_message("/VMC/Ext/OK", ("i", 0)))


def _unity(head: Sequence[float]) -> Sequence[float]:
    """Yaw, pitch and roll → a quaternion x, y, z, w in Unity's left-handed space, where the avatar's left is at -x."""
    x, y, z, w = quaternions(np.array([head]))[0].tolist()
    return x, -y, -z, w


def _message(address: str, *arguments: tuple[str, str | int | float]) -> OscMessage:
    builder = OscMessageBuilder(address)
    for kind, value in arguments:
        builder.add_arg(value, kind)
    return builder.build()
