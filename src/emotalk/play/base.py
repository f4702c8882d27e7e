"""Who receives a face, frame by frame."""

from collections.abc import Sequence
from typing import Protocol


class Receiver(Protocol):
    """An avatar's program at some address; what UDP loses is lost, and the next frame comes 33 ms later."""

    def send(self, frame: int, seconds: float, values: Sequence[float], head: Sequence[float] | None = None) -> None:
        """Show absolute frame `frame`, `seconds` after the start: 52 values in ARKit order. Raises ReceiverGone.

        `head`: its yaw, pitch and roll in degrees, where they are known.
        """
        ...

    def close(self) -> None:
        """Say good-bye where the protocol has a word for it."""
        ...
