"""`make scale`: long work at its whole size, with all timeouts and with half of them; prints what it took. Alone on a
machine for the better part of an hour, so it is no part of `make test`, which runs the same scenarios smaller
(tests/workers/fleet/test_long_work.py)."""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.scale.scenarios import SCENARIOS, Outcome


@dataclass(frozen=True)
class Target:
    """So many rows, done within so many seconds of the world's time."""

    count: int
    seconds: float


SWEEP = 60.0

TARGETS: Mapping[str, Target] = {
    "command": Target(140_000, 15 * 60),
    "cluster": Target(140_000, 15 * 60),
    "cancel": Target(20_000, 5 * SWEEP),
    "deadline": Target(20_000, 5 * SWEEP),
    "delete": Target(20_000, 15 * 60),
    "prune": Target(100_000, 60 * 60),
    "redeliver": Target(5_000, 15 * 60),
    "self-update": Target(20_000, 60 * 60),
    "resources": Target(100_000, 62 * 60),
}


def main(arguments: Sequence[str]) -> int:
    """Exit status 1 where something was not done, took longer, was stopped, killed, or given up."""
    parser = argparse.ArgumentParser(prog="python -m tests.scale")
    parser.add_argument("scenarios", nargs="*", help=f"of {', '.join(SCENARIOS)}; all if none is named")
    parser.add_argument("--share", type=float, default=1.0, help="of the sizes, to try things out")
    options = parser.parse_args(arguments)
    missed = 0
    for name in options.scenarios or SCENARIOS:
        for timeouts in (1.0, 0.5):
            target = TARGETS[name]
            count, began = int(target.count * options.share), time.monotonic()
            outcome = SCENARIOS[name](count, timeouts)
            wrong = wrongs(outcome, count, target.seconds)
            missed += bool(wrong)
            text = f"{text_of(outcome)}; {time.monotonic() - began:.0f} s of this machine"
            lines = (f"{name}, {count:,} rows, timeouts x {timeouts}: {text}", *wrong)
            sys.stdout.write("\n    MISSED: ".join(lines) + "\n")
            sys.stdout.flush()
    return 1 if missed else 0


def wrongs(outcome: Outcome, count: int, seconds: float) -> list[str]:
    """What is not as it should be."""
    found = []
    if outcome.done != count:
        found.append(f"{outcome.done:,} of {count:,} were done")
    if not outcome.is_at_rest:
        found.append("something is still due")
    if outcome.seconds > seconds:
        found.append(f"it took {outcome.seconds:.0f} s, {seconds:.0f} are allowed")
    for kind in ("killed", "stopped", "dead", "failed"):
        counted = getattr(outcome.seen, kind)
        if counted.total():
            found.append(f"{kind}: {dict(counted)}")
    return found


def text_of(outcome: Outcome) -> str:
    """One line."""
    seen = outcome.seen
    hops = max(seen.hops.values(), default=0)
    calls = ", ".join(f"{count:,} {name}" for name, count in seen.calls.most_common())
    return (
        f"{outcome.done:,} done in {outcome.seconds:.0f} s, at rest after {outcome.at_rest_after:.0f} s; "
        f"longest chain {hops}; parked {seen.parked}; "
        f"{seen.messages.total():,} messages; {seen.invocations.total():,} invocations; {calls}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
