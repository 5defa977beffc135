"""Several people who do something at the same moment."""

from collections.abc import Callable
from functools import partial, update_wrapper
from random import Random

from tests.simulation.history import operate
from tests.simulation.scene import Scene


def beside(scene: Scene, *acts: Callable[..., object], **given: object) -> None:
    """Begin each of these at once, by a person of its own; each takes what is ``given``."""
    for act in acts:
        rng = Random(scene.rng.getrandbits(64))
        named = update_wrapper(partial(act, **given), act)
        scene.world.start("people", partial(operate, scene, named), rng=rng)
