"""Connections that their clients have closed: let go of at once, however many come and go."""

from __future__ import annotations

import asyncio
from typing import Any

from hypercorn.asyncio.tcp_server import TCPServer as _Connection


def let_go_of_closed() -> None:
    """hypercorn keeps what a client has closed until its time is up: it waits for its own idle timer, the
    keep-alive's. Clients that begin a connection for each request would hold thousands."""
    read, idle = _Connection._read_data, _Connection._idle_timeout

    async def read_to_the_end(connection: Any) -> None:
        await read(connection)
        await connection.idle_task.stop()

    async def idle_while_open(connection: Any) -> None:
        if connection.reader.at_eof():
            await asyncio.shield(connection._initiate_server_close())
        else:
            await idle(connection)

    for name, mended in (("_read_data", read_to_the_end), ("_idle_timeout", idle_while_open)):
        setattr(_Connection, name, mended)
