"""A local cloud inside the test process: MiniStack on a free port of 127.0.0.1, in a thread of its own."""

import asyncio
import os
import socket
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from threading import Event, Thread
from typing import Any

from botocore.config import Config

from chalicelib.kit.tables import Index, Table
from tests.support.aws_clients import local_client

HOST = "127.0.0.1"
START_SECONDS = 20
_ENVIRONMENT = {
    "BIND_HOST": HOST,  # else it listens on every interface
    "MINISTACK_HOST": HOST,
    "IOT_MTLS_ENABLED": "0",  # else it opens a port on every interface
    "SFTP_ENABLED": "0",
    "LOG_LEVEL": "CRITICAL",
}


class Emulator:
    """``url`` is its endpoint. `reset` forgets everything in it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """The boto3 client of a service; it lives as long as the emulator."""
        if service not in self._clients:
            self._clients[service] = self._new_client(service)
        return self._clients[service]

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def _new_client(self, service: str) -> Any:
        config = Config(retries={"total_max_attempts": 1}, max_pool_connections=32)
        return local_client(self.url, service, config)

    def reset(self) -> None:
        request = urllib.request.Request(f"{self.url}/_ministack/reset", method="POST")
        with urllib.request.urlopen(request, timeout=START_SECONDS):
            pass


@contextmanager
def running_emulator() -> Iterator[Emulator]:
    """Start one, and stop it in the end. Raises RuntimeError if it does not come up."""
    with ExitStack() as stack:
        listener = socket.socket()
        listener.bind((HOST, 0))
        listener.listen(128)
        port = listener.getsockname()[1]
        started, stop = Event(), _Stop()
        # The server takes over the listening socket and closes it.
        thread = Thread(target=_serve, args=(listener.detach(), port, started, stop), name="emulator", daemon=True)
        thread.start()
        stack.callback(thread.join, START_SECONDS)
        stack.callback(stop.set)
        if not started.wait(START_SECONDS):
            raise RuntimeError("the emulator did not start")
        emulator = Emulator(f"http://{HOST}:{port}")
        stack.callback(emulator.close)
        emulator.reset()
        yield emulator


def create_tables(client: Any, tables: Sequence[Table], prefix: str = "") -> None:
    """The tables as their specs say, with their indexes and streams, on demand."""
    for table in tables:
        client.create_table(
            TableName=f"{prefix}{table.name}",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=_attributes(table),
            KeySchema=_key_schema(table),
            **({"GlobalSecondaryIndexes": [_index(table, index) for index in table.indexes]} if table.indexes else {}),
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
            if table.stream
            else {"StreamEnabled": False},
        )


class _Stop:
    """A stop signal that a thread gives to a loop in another."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._event: asyncio.Event | None = None

    def bind(self) -> asyncio.Event:
        self._loop, self._event = asyncio.get_running_loop(), asyncio.Event()
        return self._event

    def set(self) -> None:
        if self._loop is not None and self._event is not None:
            self._loop.call_soon_threadsafe(self._event.set)


def _serve(listening_fd: int, port: int, started: Event, stop: _Stop) -> None:
    os.environ.update(_ENVIRONMENT)  # it reads them when it is imported
    os.environ["GATEWAY_PORT"] = str(port)
    from hypercorn.asyncio import serve  # noqa: PLC0415 - after the environment
    from hypercorn.config import Config as ServerConfig  # noqa: PLC0415 - after the environment
    from ministack.app import app  # noqa: PLC0415 - after the environment

    server_config = ServerConfig()
    server_config.bind = [f"fd://{listening_fd}"]
    server_config.errorlog = None

    async def run() -> None:
        stopped = stop.bind()
        started.set()
        await serve(app, server_config, shutdown_trigger=stopped.wait)

    asyncio.run(run())


def _attributes(table: Table) -> list[dict[str, str]]:
    names = {table.partition, table.sort}
    for index in table.indexes:
        names |= {index.partition, index.sort}
    return [
        {"AttributeName": name, "AttributeType": "N" if name in table.numbers else "S"}
        for name in sorted(name for name in names if name is not None)
    ]


def _key_schema(keys: Table | Index) -> list[dict[str, str]]:
    schema = [{"AttributeName": keys.partition, "KeyType": "HASH"}]
    if keys.sort is not None:
        schema.append({"AttributeName": keys.sort, "KeyType": "RANGE"})
    return schema


def _index(table: Table, index: Index) -> dict[str, Any]:
    own = {table.partition, table.sort, index.partition, index.sort}
    extra = [name for name in index.projected if name not in own]
    projection = {"ProjectionType": "INCLUDE", "NonKeyAttributes": extra} if extra else {"ProjectionType": "KEYS_ONLY"}
    return {"IndexName": index.name, "KeySchema": _key_schema(index), "Projection": projection}
