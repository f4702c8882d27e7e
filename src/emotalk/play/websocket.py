"""A WebSocket that listens for frames: one JSON message a frame.

{"frame_number": 12, "timecode": 0.4, "blendshapes": {"browDownLeft": 0.0, …}}

and "head": {"yaw": 1.5, "pitch": -0.2, "roll": 0.0}, in degrees, of a clip that has one.
"""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from websockets.exceptions import InvalidURI, WebSocketException
from websockets.sync.client import connect

from emotalk.errors import ConfigurationError, ReceiverGone
from emotalk.face import ARKIT_NAMES


class WebSocket:
    """Connects at once. Raises ReceiverGone where nobody listens, ConfigurationError for what is not an address."""

    def __init__(self, url: str, names: Sequence[str] = ARKIT_NAMES) -> None:
        self._url, self._names, self._open = url, names, ExitStack()
        try:
            self._connection = self._open.enter_context(connect(url, open_timeout=10))
        except (ValueError, InvalidURI) as error:
            raise ConfigurationError(f"to: '{url}': {error}. Give ws://HOST:PORT/PATH.") from error
        except (OSError, WebSocketException) as error:
            raise ReceiverGone(f"to: nobody answers at {url}: {error}. Start the receiver first.") from error

    def send(self, frame: int, seconds: float, values: Sequence[float], head: Sequence[float] | None = None) -> None:
        """See Receiver."""
        shapes = {name: round(value, 6) for name, value in zip(self._names, values, strict=True)}
        document: dict[str, Any] = {"frame_number": frame, "timecode": seconds, "blendshapes": shapes}
        if head is not None:
            document["head"] = dict(zip(("yaw", "pitch", "roll"), (round(each, 4) for each in head), strict=True))
        try:
            self._connection.send(json.dumps(document))
        except (OSError, WebSocketException) as error:
            raise ReceiverGone(f"to: {self._url} has hung up: {error}. Start the receiver again.") from error

    def close(self) -> None:
        """Close the connection."""
        self._open.close()
