"""A server that answers the same to whatever comes: the floor for a service written in Python.

    python bench/constant.py 30500

It runs on uvloop as the services do, and neither parses what it receives nor counts it.
"""

import asyncio
import sys

import uvloop

BODY = b"Service B: Yay! nounce 4294967295\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)


class Constant(asyncio.Protocol):
    """A connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where to write."""
        self._transport = transport

    def data_received(self, _data: bytes) -> None:
        """Answer: a client that waits for each answer sends one request at a time."""
        self._transport.write(ANSWER)  # type: ignore[attr-defined] # as asyncio passes it


async def main() -> None:
    """Serve for ever."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Constant, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
