"""The web gateway as a child of the server: `emotalk web`, kept alive, on a port that is bound here.

It reaches the server through a socket that only this user sees, where TLS is not needed; tokens hold there as well. The
port is bound here, so that a busy one is heard of before anything else begins, and stays ours while the child restarts.
"""

import socket
from collections.abc import Callable, Mapping

from emotalk.supervision.keeper import Keeper
from emotalk.supervision.leash import Child
from emotalk.supervision.sockets import PrivateSocket

WEB = "web"
"""How its series say whose they are."""


class Gateway:
    """`upstream` is the socket on which the server must listen for it."""

    def __init__(
        self, environment: Mapping[str, str], listening: socket.socket, died: Callable[[], None] = lambda: None
    ) -> None:
        self.upstream = PrivateSocket.make(WEB)
        self._listening = listening
        arguments = ("web", "--server", self.upstream.address, "--socket", str(listening.fileno()))
        self._keeper = Keeper(WEB, "web gateway", Child(arguments, environment, (listening.fileno(),)), died=died)

    def open(self) -> None:
        """Start it, and start it again whenever it ends."""
        self._keeper.open()

    def pages(self) -> Mapping[str, int]:
        """See Keeper.pages."""
        return self._keeper.pages()

    async def close(self) -> None:
        """End it."""
        await self._keeper.stop()
        self._listening.close()
        self.upstream.close()
