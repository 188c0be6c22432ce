"""server.py PORT: give back what comes in. When it ends, its connections go without a FIN, which would be repeated."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    # A single RST ends the connection. Where the path is cut it is lost, as if the power of the server had been cut.
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    try:
        while True:
            data = await reader.read(4096)
            if not data:
                break
            writer.write(data)
    except OSError:
        pass
    finally:
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(serve, None, int(sys.argv[1]))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
