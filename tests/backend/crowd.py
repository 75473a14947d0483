"""Many clients at once, each asking for one thing after the other on a connection of its own."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

CLIENTS = 50
PATHS = ("health", "version", "dependencies", "hardware", "methods", "runs", "datasets")


@dataclass
class Crowd:
    """What the clients saw.

    :param seconds: of every answer, by path.
    :param errors: answers other than 200, and connections that failed.
    """

    seconds: dict[str, list[float]] = field(default_factory=lambda: {path: [] for path in PATHS})
    errors: list[str] = field(default_factory=list)


def visit(port: int, token: str, rounds: int, clients: int = CLIENTS) -> Crowd:
    """Let every client ask for every path ``rounds`` times, as fast as it is answered."""
    crowd = Crowd()

    async def all_clients() -> None:
        await asyncio.gather(*(_client(crowd, port, token, rounds, n) for n in range(clients)))

    asyncio.run(all_clients())
    return crowd


async def _client(crowd: Crowd, port: int, token: str, rounds: int, number: int) -> None:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for step in range(rounds * len(PATHS)):
            path = PATHS[(number + step) % len(PATHS)]
            began = time.perf_counter()
            status = await _ask(reader, writer, path, port, token)
            crowd.seconds[path].append(time.perf_counter() - began)
            if status != 200:
                crowd.errors.append(f"{path}: {status}")
        writer.close()
        await writer.wait_closed()
    except (OSError, EOFError) as error:
        crowd.errors.append(repr(error))


async def _ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, port: int, token: str
) -> int:
    writer.write(
        f"GET /api/{path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Authorization: Bearer {token}\r\n\r\n".encode()
    )
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = head.partition("content-length:")[2].partition("\r\n")[0]
    await reader.readexactly(int(length))
    return int(head.split(" ", 2)[1])
