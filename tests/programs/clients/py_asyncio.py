"""Python's asyncio streams without a timeout. Arguments: host port get|put."""

import asyncio
import sys

from outcome import BIG, report


async def main(host, port, mode):
    reader, writer = await asyncio.open_connection(host, port)
    if mode == "put":
        writer.write(BIG)
        await writer.drain()
        return b"sent"
    writer.write(b"please\n")
    return await reader.read()


report(lambda: asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3])))
