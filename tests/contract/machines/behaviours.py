"""The behaviours that public clients rely on: ``@relied_on`` tells one beside its test, docs/client-behaviours.md all.

``python -m tests.contract.machines.behaviours`` writes the document from the tests of ``test_client_behaviours_*.py``.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

DOCUMENT = Path("docs/client-behaviours.md")
FOLDER = Path(__file__).parent

GO, JS, PAGES, TEST_CLIENT = "Go client", "JavaScript client", "API pages", "the service's test client"
"""Who relies on it."""

T = TypeVar("T", bound=Callable[..., Any])

_HEAD = """# What clients rely on

Public clients of the machines' APIs depend on more than the documents say. Each line is something that a client relies
on, and the test that drives the API as that client does. The table is written from the tests by
`python -m tests.contract.machines.behaviours`, and a test compares it.

| API | client | relies on | test |
| --- | --- | --- | --- |
"""


@dataclass(frozen=True)
class Behaviour:
    """Something that clients rely on. ``test`` is the id of its test, without parameters."""

    api: str
    clients: str
    text: str
    test: str


def relied_on(api: str, clients: str, text: str) -> Callable[[T], T]:
    """Marks the test of something that ``clients`` of the API rely on; ``text`` says it in a few words. A test may have
    several."""

    def mark(test: T) -> T:
        file = f"tests/contract/machines/{test.__module__.rpartition('.')[2]}.py"
        told = Behaviour(api, clients, text, f"{file}::{test.__name__}")
        test.__dict__.setdefault("relied_on", []).insert(0, told)
        return test

    return mark


def every_behaviour() -> Iterator[Behaviour]:
    """All of them, in the order of the files and of the tests."""
    for file in sorted(FOLDER.glob("test_client_behaviours_*.py")):
        module = import_module(f"tests.contract.machines.{file.stem}")
        for value in vars(module).values():
            yield from getattr(value, "relied_on", ())


def document() -> str:
    """The text of the document."""
    rows = (f"| {one.api} | {one.clients} | {one.text} | `{one.test}` |" for one in every_behaviour())
    return _HEAD + "".join(f"{row}\n" for row in rows)


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
    sys.stdout.write(f"wrote {DOCUMENT}\n")
