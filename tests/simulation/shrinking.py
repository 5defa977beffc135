"""Finds a small part of a history in which the same invariant is still broken."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from tests.simulation.history import Played, Score, Step

MOST_TRIES = 150


def shrink(failed: Played, play: Callable[[Score], Played], most_tries: int = MOST_TRIES) -> Played:
    """The smallest history that was found: fewer faults, then fewer steps. Each step has its own chance, so that those
    that stay do what they did. ``play`` is called ``most_tries`` times at most."""
    if failed.failure is None:
        return failed
    name = failed.failure[0]
    best = failed
    tries = 0

    def still_fails(score: Score) -> bool:
        nonlocal best, tries
        if tries >= most_tries:
            return False
        tries += 1
        played = play(score)
        if played.failure is None or played.failure[0] != name:
            return False
        best = played
        return True

    for fault in sorted(failed.score.faults):
        still_fails(replace(best.score, faults=best.score.faults - {fault}))
    size = max(1, len(best.score.steps) // 2)
    while size and tries < most_tries:
        if not _cut(best.score.steps, size, lambda steps: still_fails(replace(best.score, steps=steps))):
            size //= 2
    return best


def _cut(steps: tuple[Step, ...], size: int, still_fails: Callable[[tuple[Step, ...]], bool]) -> bool:
    """Leave out so many steps in a row, wherever that still fails; whether it did anywhere."""
    cut = False
    for start in range(0, len(steps), size)[::-1]:
        shorter: Sequence[Step] = steps[:start] + steps[start + size :]
        if still_fails(tuple(shorter)):
            steps, cut = tuple(shorter), True
    return cut
