"""VMC (Virtual Motion Capture protocol) over OSC: VSeeFace, Warudo, VNyan, and whatever else moves VRM avatars.

A frame is a few OSC bundles, each in a datagram that no network cuts: `/VMC/Ext/OK 1`, `/VMC/Ext/T seconds`,
`/VMC/Ext/Blend/Val name value` for each shape, and `/VMC/Ext/Blend/Apply`, after which the receiver shows them at once.
Where the clip has a head, `/VMC/Ext/Bone/Pos Head` turns it against the neck; the position is 0, for where its head is,
an avatar's program knows itself.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.udp_client import UDPClient

from emotalk.export.visemes import VRM_0
from emotalk.face import ARKIT_NAMES
from emotalk.head.turn import quaternions

DEFAULT_PORT = 39539
NAMES = ("pascal", "camel", "vrm1")
_PASCAL = [name[0].upper() + name[1:] for name in ARKIT_NAMES]
LARGEST = 1200
"""Bytes of a datagram: tunnels and home networks carry so many in one piece, and receivers have room for them."""
_BUNDLE, _ELEMENT = 16, 4
"""Bytes that a bundle, and each message in it, takes beside the messages."""


class Vmc:
    """`names`: "pascal" (BrowDownLeft, as perfect-sync VRM models call their clips) or "camel" (browDownLeft).

    VRM's vowels and blinks go by the names of VRM 0, as the protocol wants it of every sender, or "vrm1": by those of
    VRM 1.
    """

    def __init__(self, host: str, port: int, names: str = "pascal", shapes: Sequence[str] = ARKIT_NAMES) -> None:
        self._client = UDPClient(host, port)
        known = dict(zip(ARKIT_NAMES, _PASCAL, strict=True)) | VRM_0 if names == "pascal" else {}
        self._names = [known.get(name, name) for name in shapes]

    def send(self, frame: int, seconds: float, values: Sequence[float], head: Sequence[float] | None = None) -> None:
        """See Receiver."""
        messages = [_make_message("/VMC/Ext/OK", ("i", 1)), _make_message("/VMC/Ext/T", ("f", seconds))]
        for name, value in zip(self._names, values, strict=True):
            messages.append(_make_message("/VMC/Ext/Blend/Val", ("s", name), ("f", value)))
        messages.append(_make_message("/VMC/Ext/Blend/Apply"))
        if head is not None:
            turn = (("f", value) for value in (0.0, 0.0, 0.0, *_to_unity(head)))
            messages.append(_make_message("/VMC/Ext/Bone/Pos", ("s", "Head"), *turn))
        for part in _split_bundles(messages):
            self._client.send(part.build())

    def close(self) -> None:
        """Tell the receiver that no more comes."""
        self._client.send(_make_message("/VMC/Ext/OK", ("i", 0)))


def _split_bundles(messages: Iterable[OscMessage]) -> Iterator[OscBundleBuilder]:
    """Bundles of at most LARGEST bytes."""
    bundle, size = OscBundleBuilder(IMMEDIATELY), _BUNDLE
    for message in messages:
        if size + _ELEMENT + message.size > LARGEST:
            yield bundle
            bundle, size = OscBundleBuilder(IMMEDIATELY), _BUNDLE
        bundle.add_content(message)
        size += _ELEMENT + message.size
    yield bundle


def _to_unity(head: Sequence[float]) -> Sequence[float]:
    """Yaw, pitch and roll → a quaternion x, y, z, w in Unity's left-handed space, where the avatar's left is at -x."""
    x, y, z, w = quaternions(np.array([head]))[0].tolist()
    return x, -y, -z, w


def _make_message(address: str, *arguments: tuple[str, str | int | float]) -> OscMessage:
    builder = OscMessageBuilder(address)
    for kind, value in arguments:
        builder.add_arg(value, kind)
    return builder.build()
