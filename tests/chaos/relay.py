"""Bytes carried between two connections, as a proxy does."""

import asyncio
from collections.abc import Awaitable, Callable

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Copy = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def relay(here: Connection, reach: Awaitable[Connection], copy: Copy) -> None:
    """`copy` both ways until one end closes, then cut both; at once where nobody is reached."""
    ends = [here]
    try:
        ends.append(await reach)
        ways = [asyncio.ensure_future(copy(ends[at][0], ends[1 - at][1])) for at in (0, 1)]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
    except OSError:  # nobody is there
        pass
    finally:
        for _, writer in ends:
            writer.transport.abort()
