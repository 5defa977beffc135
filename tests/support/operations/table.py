"""The declaration of a family's operations, for the tests of all operations and for the benchmark."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, Protocol, Self, TypeVar

from tests.support.client import HttpAnswer
from tests.support.world import World

Options = Mapping[str, Any]
"""Options of `OperationScene.request`."""


class OperationScene(Protocol):
    """An application with one of everything, in which each operation can be asked once."""

    world: World

    def request(
        self, view: str, *, variables: Mapping[str, str] | None = None, key: str | None = None, **options: Any
    ) -> HttpAnswer:
        """The operation with a path and a body that fit, unless told otherwise. Without ``key`` in the options it is
        the one that the operation wants; None sends none."""
        ...

    def copy(self) -> Self:
        """Another application with the same in it (`World.copy`)."""
        ...


S = TypeVar("S", bound=OperationScene)

Prepare = Callable[[S], Options]
"""Arranges what an operation needs to succeed, and returns options of `OperationScene.request`."""


@dataclass(frozen=True)
class Operations(Generic[S]):
    """The operations of a family. ``kind`` makes an application, ``prepared`` is by name of the API and of the view.
    ``reveals`` are the tables whose secrets an admin reads in the scene.

    ``within`` are the restrictions of a key that reaches everything in the scene that can be restricted, ``outside``
    those of one that reaches nothing but what ``reached`` lists, the number of rows by view. ``unknown`` are path
    variables that lead to nothing. ``addressed`` are requests, by view, that name something of the scene outside of the
    latter's reach elsewhere than in the path: each beside the same request with a name of nothing. ``always_answered``
    are the views that succeed for unknown path variables as well. ``of_everybody`` are the path variables that name
    something that all tenants share. ``replacing`` are the views that put another thing in the place of one,
    ``admits_by`` the tables that are read to know who asks, beside that of keys. ``giving`` has, by view, the
    permissions that an operation gives in the scene: who gives has to have them.
    """

    kind: Callable[[], S]
    prepared: Mapping[str, Mapping[str, Prepare[S]]]
    reveals: frozenset[str] = frozenset()
    within: Callable[[S], Mapping[str, frozenset[str]]] = lambda _: {}
    outside: Callable[[S], Mapping[str, frozenset[str]]] = lambda _: {}
    reached: Mapping[str, int] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    addressed: Mapping[str, Callable[[S], list[tuple[Options, Options]]]] = field(default_factory=dict)
    always_answered: frozenset[str] = frozenset()
    of_everybody: frozenset[str] = frozenset()
    replacing: frozenset[str] = frozenset()
    admits_by: frozenset[str] = frozenset()
    giving: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def scene(self) -> S:
        """A new application: a copy of the first one, which takes many times as long to make."""
        return self._first.copy()

    @cached_property
    def _first(self) -> S:
        return self.kind()
