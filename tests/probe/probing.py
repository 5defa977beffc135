"""Probes: a rule of AWS, and the calls that show whether an emulator has it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

Client = Callable[[str], Any]
"""The name of a service -> its client."""

YES, NO, ABSENT = "yes", "no", "not there"

_ABSENT = frozenset({"InvalidAction", "UnknownOperation", "NotImplemented", "UnsupportedOperation", "501"})


@dataclass(frozen=True)
class Probe:
    """``holds`` asks whether the rule holds at the clients of an emulator. It may fail with an error of the SDK, which
    says that a call does not work as AWS's does."""

    service: str
    call: str
    rule: str
    holds: Callable[[Client], bool]


PROBES: list[Probe] = []


def probe(service: str, call: str, rule: str) -> Callable[[Callable[[Client], bool]], Callable[[Client], bool]]:
    """Declares a probe."""

    def declared(holds: Callable[[Client], bool]) -> Callable[[Client], bool]:
        PROBES.append(Probe(service, call, rule, holds))
        return holds

    return declared


def answer(one: Probe, client: Client) -> str:
    """What an emulator does."""
    try:
        return YES if one.holds(client) else NO
    except NotImplementedError:
        return ABSENT
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return ABSENT if code in _ABSENT else f"fails: {code}"
    except (BotoCoreError, LookupError) as error:
        return f"fails: {type(error).__name__}"


def refused(call: Callable[[], object]) -> bool:
    """Whether a call is refused by the caller's fault. Raises the SDK's error for one that is not there at all."""
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] in _ABSENT:
            raise
        return True
    return False
