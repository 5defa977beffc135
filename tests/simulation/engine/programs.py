"""What of both programs a simulation runs otherwise: threads of the application are made in order, one after the other,
passwords are not hashed, and the agent looks less often whether it is to leave, a third of all that it does."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import Any, Self
from unittest.mock import patch

from tests.support.cloud import PlainPasswords

MODULES = (
    "chalicelib.fleet.transport.service",
    "chalicelib.fleet.metrics.service",
    "chalicelib.web.checks",
    "chalicelib.kit.queues",
)
"""The modules of the application that start threads and run here."""


LOOK_SECONDS = 45.0


class InOrder:
    """An executor whose calls are made at once."""

    def __init__(self, *_arguments: Any, **_options: Any) -> None:
        """It needs no threads."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        """Nothing is left to wait for."""

    def submit(self, call: Callable[..., Any], *arguments: Any, **options: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        try:
            future.set_result(call(*arguments, **options))
        except Exception as error:  # noqa: BLE001 - raised where the result is asked for
            future.set_exception(error)
        return future

    def map(self, call: Callable[..., Any], *many: Iterable[Any], **_options: Any) -> Iterator[Any]:
        return iter([call(*arguments) for arguments in zip(*many, strict=False)])

    def shutdown(self, *_arguments: Any, **_options: Any) -> None:
        """Nothing is left to wait for."""


@contextmanager
def simulated(*, is_large: bool) -> Iterator[None]:
    """Both programs run so within the block. ``is_large``: executions are made as for a large fleet, part by part."""
    with ExitStack() as patches:
        if is_large:
            patches.enter_context(patch("chalicelib.fleet.commands.at_once.MOST_AT_ONCE", 0))
        for module in MODULES:
            patches.enter_context(patch.object(import_module(module), "ThreadPoolExecutor", InOrder))
        patches.enter_context(patch("edge_agent.leaving.LOOK_SECONDS", LOOK_SECONDS))
        patches.enter_context(patch("chalicelib.platform.access.passwords.Argon2Passwords", lambda _: PlainPasswords()))
        yield
