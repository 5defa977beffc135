"""Runs the simulation against mutants: each takes back a mend, and an invariant has to find it.

python -m tests.simulation.mutants [NAME ...] [--most N]

A mutant is a patch in `tests/simulation/mutants/`. Its head says what it takes back (``Mutant``), which faults it needs
(``Needs``), of which family alone histories are played (``Plays``, if not of all), and which invariants may find it
(``Found by``). It is applied to a copy of the project's files as they stand.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "simulation" / "mutants"
COPY = ROOT / "build" / "mutant"
PARTS = ("chalicelib", "infra", "samples", "tests", "app.py")
MOST_HISTORIES = 300

_HEAD = re.compile(
    r"Mutant: (?P<about>.+)\nNeeds: (?P<needs>.+)\n(?:Plays: (?P<family>\w+)\n)?Found by: (?P<found>.+)\n\n"
)
_FOUND = re.compile(r"^seed (\d+): (\w+):", re.MULTILINE)


@dataclass(frozen=True)
class Mutant:
    name: str
    about: str
    needs: tuple[str, ...]
    family: str
    found_by: frozenset[str]

    @property
    def file(self) -> Path:
        return FOLDER / f"{self.name}.patch"


def mutants() -> list[Mutant]:
    """All of them. Raises ValueError for a patch without its head."""
    return [_read(file) for file in sorted(FOLDER.glob("*.patch"))]


def _read(file: Path) -> Mutant:
    head = _HEAD.match(file.read_text())
    if head is None:
        raise ValueError(f"{file.name} does not begin with Mutant, Needs and Found by")
    needs, found = tuple(head["needs"].split()), frozenset(head["found"].split())
    return Mutant(file.stem, head["about"], needs, head["family"] or "", found)


def applies(mutant: Mutant, folder: Path = ROOT, *, check: bool = True) -> bool:
    """Whether the patch fits the files; without ``check`` it is applied."""
    options = ["--dry-run"] if check else []
    done = subprocess.run(
        [
            "patch",
            "--strip=1",
            "--fuzz=0",
            "--force",
            "--silent",
            "--no-backup-if-mismatch",
            *options,
            "--input",
            str(mutant.file),
        ],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


def search(mutant: Mutant, most: int) -> tuple[int, str] | None:
    """The number of histories until an invariant found it, with its name; None if none did. Raises RuntimeError where
    the mutant does not apply, or breaks the program instead of a promise."""
    shutil.rmtree(COPY, ignore_errors=True)
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, COPY / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy(source, COPY / part)
    if not applies(mutant, COPY, check=False):
        raise RuntimeError(f"{mutant.name} does not apply any more")
    options = ["--runs", str(most), "--seed", "1", "--stop", "--no-shrinking", "--family", mutant.family]
    options += ["--need", *mutant.needs]
    run = subprocess.run(
        [sys.executable, "-m", "tests.simulation.runner", *options],
        cwd=COPY,
        env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": os.pathsep.join((".", "samples/agent"))},
        capture_output=True,
        text=True,
        check=False,
    )
    found = _FOUND.search(run.stdout)
    if found is None and run.returncode != 0:
        raise RuntimeError(f"{mutant.name}: {run.stdout[-500:]}{run.stderr[-2000:]}")
    return None if found is None else (int(found[1]), found[2])


def main(arguments: Sequence[str]) -> int:
    """Search each; returns the exit status."""
    parser = argparse.ArgumentParser(prog="simulate-mutants")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--most", type=int, default=MOST_HISTORIES)
    options = parser.parse_args(arguments)
    missed = 0
    for mutant in mutants():
        if options.names and mutant.name not in options.names:
            continue
        try:
            found = search(mutant, options.most)
        except RuntimeError as error:
            missed += 1
            _say(f"{error} (!)")
            continue
        is_found = found is not None and found[1] in mutant.found_by
        missed += not is_found
        _say(
            f"{mutant.name}: {'survived' if found is None else f'{found[1]} after {found[0]} histories'}"
            + ("" if is_found else " (!)")
        )
    return 1 if missed else 0


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - the command's answer


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
