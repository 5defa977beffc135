"""The functions of the application, from the families' values, with the names that CloudFormation knows them by.

Names are those given to Chalice's decorators. Chalice turns ``clean_up`` into the resource ``CleanUp`` with the role
``CleanUpRole``; the function behind a REST API is the one exception (``APIHandler``, ``ApiHandlerRole``).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from chalicelib import families
from chalicelib.kit.queues import Queue
from chalicelib.platform.context import Family, Function, HttpSource, QueueSource
from chalicelib.platform.families import Families
from chalicelib.platform.family import FAMILY as PLATFORM

APP_NAME = "edge-admin"

API_STAGE = "api"
"""The stage of both API Gateway APIs; part of the URL on AWS."""

MAX_RECEIVES = 5
"""The number of attempts before a message goes to the dead-letter queue."""

VISIBILITY_TIMEOUTS = 6
"""Visibility of a queue in timeouts of its consumer (AWS Lambda developer guide, "Using Lambda with Amazon SQS")."""


@dataclass(frozen=True)
class LambdaFunction(Function):
    """A function and the logical ids of its resources."""

    @classmethod
    def of(cls, declared: Function) -> "LambdaFunction":
        return cls(**vars(declared))

    @property
    def resource(self) -> str:
        return "APIHandler" if isinstance(self.source, HttpSource) else logical_id(self.name)

    @property
    def role(self) -> str:
        return "ApiHandlerRole" if isinstance(self.source, HttpSource) else f"{logical_id(self.name)}Role"

    @property
    def log_group(self) -> str:
        return "ApiHandlerLogs" if isinstance(self.source, HttpSource) else f"{logical_id(self.name)}Logs"


def logical_id(name: str) -> str:
    """``clean_up`` or ``clean-up`` as CloudFormation's ``CleanUp``."""
    return "".join(part.capitalize() for part in name.replace("-", "_").split("_"))


def functions_in(every: Iterable[Family]) -> tuple[LambdaFunction, ...]:
    """The functions of these families."""
    return tuple(map(LambdaFunction.of, Families(tuple(every)).functions))


FAMILIES: tuple[Family, ...] = (PLATFORM, *map(families.family, families.NAMES))
"""The platform and every family of this project, each after those that it needs."""

FUNCTIONS = functions_in(FAMILIES)
"""Every function of the project."""

TABLES = Families(FAMILIES).tables
"""Every table of the project."""

QUEUES = Families(FAMILIES).queues
"""Every queue of the project."""


def function(name: str) -> LambdaFunction:
    """The function of that name. Raises KeyError."""
    for candidate in FUNCTIONS:
        if candidate.name == name:
            return candidate
    raise KeyError(name)


def consumer_of(queue: Queue, functions: Iterable[LambdaFunction] = FUNCTIONS) -> LambdaFunction | None:
    """The function that the queue's messages start, or None for one that people look at."""
    for candidate in functions:
        if isinstance(candidate.source, QueueSource) and candidate.source.queue == queue:
            return candidate
    return None
