"""An echo server on asyncio. Sound, unless its second argument is without-drain: then it writes without waiting for the client to read."""

import asyncio
import sys

WAITS = sys.argv[2:] != ["without-drain"]


async def serve(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            if WAITS:
                await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]))
    async with server:
        await server.serve_forever()


asyncio.run(main())
