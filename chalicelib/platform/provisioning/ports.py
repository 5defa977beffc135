"""The interface between the engine and a kind of resource: its declaration, and the driver that acts outside."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from chalicelib.platform.provisioning.model import Charge, Observation, Resource, Tagged


class ProviderError(Exception):
    """A call to a provider did not do what it should. ``reason`` is for the owner of the resource: it holds no secret
    and no internal name."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class AgainLaterError(ProviderError):
    """It may work later: throttling, a lack of capacity, no answer, a dependency that is not there yet. With an answer
    that was lost the call may have done its work, unless ``nothing_done`` says that it cannot have. ``nothing_begun``:
    no call for this change has, whatever became of earlier ones, so that the next look asks again. ``after_seconds``:
    not before then, None for the engine's own wait."""

    def __init__(
        self,
        reason: str,
        after_seconds: float | None = None,
        *,
        nothing_done: bool = False,
        nothing_begun: bool = False,
    ) -> None:
        super().__init__(reason)
        self.after_seconds = after_seconds
        self.nothing_done = nothing_done or nothing_begun
        self.nothing_begun = nothing_begun


class RefusedError(ProviderError):
    """It will never work as asked, and the call has done nothing: the reason names what to change."""


class UnsureError(ProviderError):
    """An act that may have been carried out, by a call whose answer was lost, and that a repeat would carry out once
    more. The call has done nothing; the act counts as done, and the reason tells the doubt."""


class GoneError(ProviderError):
    """The thing is gone, though the row says that it is there, and the call has done nothing. At a creation, what it
    names is not found: that may have been made a moment ago, so it is tried again."""


class Driver(Protocol):
    """Acts on the things of one kind at a provider. Every method may be repeated, also at the same time by another
    worker, and does its work once. All raise the errors of this module, and nothing else on purpose.

    A driver writes no row. Things that it makes carry the ids of the tenant and the resource (tags, tokens), so that
    `observe` finds it even if the answer to `create` was lost.
    """

    def observe(self, resources: Sequence[Resource]) -> Mapping[str, Observation | ProviderError]:
        """A look at each of these, at most 100, by the resource's id: as few calls as the provider allows. The error of
        one that could not be looked at stands in its place. One that is left out counts as an error of the driver, not
        as missing."""
        ...

    def create(self, resource: Resource) -> Mapping[str, str]:
        """Begin to make the thing. Returns the provider's ids for ``external``, the thing's own by the name ``id``. A
        repeat may come with a newer specification than the first call: it still makes no second thing."""
        ...

    def change(self, resource: Resource, observation: Observation) -> None:
        """Begin to make the thing as the row wants it: its power, its specification, or its ``act``, which is carried
        out once for its generation. ``act`` is empty once the provider has taken it on. Where ``begun_generation`` is
        that of the row, an earlier call for it was not answered: a driver whose provider would repeat an act raises
        `UnsureError`."""
        ...

    def delete(self, resource: Resource) -> None:
        """Begin to remove the thing, and all that was made with it. Nothing to remove is a success."""
        ...

    def tagged(self) -> Iterable[Tagged]:
        """Every thing of this kind that is there and carries our tags, whether a row knows it or not."""
        ...


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of resource, declared by a context (`Context.kinds`).

    - ``driver`` finds its driver in the container of its family.
    - ``create_within``, ``change_within``, ``delete_within``: how long a step may take before it has failed.
    - ``appears_within``: after so long without a sight of it, a thing whose creation was asked for was not made. Longer
      than an invocation of the worker and the lag of the provider's descriptions together.
    - ``look_every``: how often a resource at rest is looked at; ``wait``, ``longest_wait``: the first pause between
      looks at one at work, and the longest, in seconds.
    - ``kept``: how long a row that is gone stays readable.
    - ``is_slow``: its calls may take seconds each, so its resources come last in a batch.
    - ``has_token``: whether its driver can be asked to create twice at once and makes one thing, by a token. Without,
      it is asked again only once it is certain that nothing was made.
    - ``has_power``: whether the kind has a power state.
    - ``drifted`` names, for a thing at rest, why it is no longer as the row wants it; "" if it is. By default only its
      presence counts: the power of a thing at rest is followed.
    - ``unready`` names why a thing that the provider calls ready is not ready for the kind yet; "" if it is.
    - ``events_of`` makes the published events, type and data, of a change of a resource; None stands for no row before.
      Pure.
    - ``charge_of`` says what a resource is charged for as it is; None: it costs nothing. By default no resource costs
      anything. Pure.
    """

    name: str
    driver: Callable[[Any], Driver]
    create_within: timedelta = timedelta(minutes=15)
    change_within: timedelta = timedelta(minutes=10)
    delete_within: timedelta = timedelta(minutes=30)
    appears_within: timedelta = timedelta(minutes=5)
    look_every: timedelta = timedelta(hours=1)
    wait_seconds: float = 2.0
    longest_wait_seconds: float = 60.0
    kept: timedelta = timedelta(hours=1)
    is_slow: bool = False
    has_token: bool = True
    has_power: bool = False
    drifted: Callable[[Resource, Observation], str] = lambda _resource, _observation: ""
    unready: Callable[[Resource, Observation], str] = lambda _resource, _observation: ""
    events_of: Callable[[Resource | None, Resource], Iterable[tuple[str, Mapping[str, Any]]]] = lambda _old, _new: ()
    charge_of: Callable[[Resource], Charge | None] = lambda _resource: None
