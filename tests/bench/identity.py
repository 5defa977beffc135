"""What users cost: their registration, sessions, codes and key pairs, and what each credential adds to a request."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from chalicelib.kit.tables import Call
from chalicelib.platform.access.permissions import KeyRole
from tests.bench.extras import Extra
from tests.support.operations.machines import MachinesScene
from tests.support.operations.machines_auth import PREPARED, a_session, registered, verified

PLAIN = "list_templates"
"""An operation without a call."""

_OF_A_USER = "create_key_pair"


def calls_of(view: str, prepare: Callable[[MachinesScene], dict[str, Any]] = lambda _: {}) -> Sequence[Call]:
    """The calls of one request, which succeeds, in a container that has sealed something before."""
    scene = MachinesScene()
    registered(scene, "grace@example.com")
    options = prepare(scene)
    scene.world.settle()
    scene.world.driver.meter.reset()
    answer = scene.request(view, **options)
    if answer.status not in range(200, 300):
        raise RuntimeError(f"{view} answered {answer.status}: {answer.text[:300]}")
    return list(scene.world.driver.meter.calls)


def _with_session(scene: MachinesScene) -> dict[str, Any]:
    return {"key": a_session(scene)}


def _with_pair(scene: MachinesScene) -> dict[str, Any]:
    """The pair of a user, both halves in headers."""
    made = scene.request(_OF_A_USER, key=a_session(scene))
    scene.world.settle()
    secret = verified(scene, made, view="verify_key_pair")
    return {"key": None, "headers": {"api-key": made.json["apiKey"], "api-secret": secret}}


def _with_named_key(scene: MachinesScene, *, after_seconds: float) -> dict[str, Any]:
    key = scene.world.key_with(role=KeyRole.OPERATOR)
    scene.request(PLAIN, key=key)
    scene.world.clock.advance(after_seconds)
    return {"key": key}


def _known(scene: MachinesScene) -> dict[str, Any]:
    registered(scene)
    return {"key": None}


def _unknown(_: MachinesScene) -> dict[str, Any]:
    return {"key": None}


def _code(scene: MachinesScene) -> dict[str, Any]:
    return dict(PREPARED["verify_session"](scene))


def of_the_mail() -> Sequence[Call]:
    """The calls of the workers after a session has been started for a known address."""
    scene = MachinesScene()
    registered(scene)
    scene.request("start_session", key=None)
    scene.world.driver.meter.reset()
    scene.world.settle()
    return list(scene.world.driver.meter.calls)


IDENTITY: tuple[Extra, ...] = (
    Extra("a request with a named key", 1, 1, 0, partial(calls_of, PLAIN, partial(_with_named_key, after_seconds=1))),
    Extra(
        "a request with a named key, the first in a minute",
        *(2, 1, 1),
        partial(calls_of, PLAIN, partial(_with_named_key, after_seconds=120)),
    ),
    Extra("a request with a session", 1, 1, 0, partial(calls_of, PLAIN, _with_session)),
    Extra("a request with a new key pair", 2, 1, 1, partial(calls_of, PLAIN, _with_pair)),
    Extra("start of a session, known address", 5, 2, 7, partial(calls_of, "start_session", _known)),
    Extra("start of a session, unknown address", 5, 2, 7, partial(calls_of, "start_session", _unknown)),
    Extra("mail of a code, by a worker", 2, 1, 1, of_the_mail),
    Extra("a code that is right", 3, 1, 5, partial(calls_of, "verify_session", _code)),
    Extra("extension of a session", 2, 1, 1, partial(calls_of, "extend_session", _with_session)),
    Extra("registration of a user", 5, 2, 15, partial(calls_of, "register_user")),
    Extra("key pair of a user", 5, 2, 8, partial(calls_of, _OF_A_USER, _with_session)),
)
