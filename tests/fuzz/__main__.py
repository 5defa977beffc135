"""Fuzzes each reader of foreign bytes for so many seconds, and prints what was found.

python -m tests.fuzz [SECONDS] [SEED]
"""

import sys
from collections.abc import Sequence

from tests.fuzz.fuzzer import fuzz
from tests.fuzz.targets import TARGETS


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status: 1 where something was found."""
    seconds = float(arguments[0]) if arguments else 60.0
    seed = int(arguments[1]) if len(arguments) > 1 else 1
    failed = False
    for target in TARGETS:
        found = fuzz(target, 1, seed, seconds / len(TARGETS))
        failed = failed or bool(found.failures)
        reached = f"{found.inputs} inputs, {found.kept} kept, {found.edges} jumps"
        _say(f"{target.name}: {reached}, {len(found.failures)} failures")
        for text, failure in found.failures[:5]:
            _say(f"  {failure}: {text[:200]!r}")
    return 1 if failed else 0


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - the command's answer


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
