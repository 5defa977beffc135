"""Branch coverage of each package by the tests that start no local cloud, held against `tests/coverage.json`.

``python -m tests.coverage`` runs the tests and fails where a package covers less than the file says; with ``--write``
it writes the file anew. Small packages are left out: one branch is several percent of them.
"""

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

FLOOR = Path(__file__).with_suffix(".json")
MEASURED = ("chalicelib", "infra")
FEWEST_BRANCHES = 20
TOLERANCE_PERCENT = 0.5
"""Which branch of a race is taken differs from run to run."""


def main(arguments: list[str]) -> int:
    """Run, print, compare; returns the process's exit code."""
    writes = "--write" in arguments
    with TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        options = [f"--cov={package}" for package in MEASURED]
        more = [argument for argument in arguments if argument != "--write"]
        command = [
            *(sys.executable, "-m", "pytest", "-q", "--ignore=tests/e2e", *options),
            *("--cov-branch", "--cov-report=", f"--cov-report=json:{report}", *more),
        ]
        failed = subprocess.run(command, check=False).returncode
        measured = by_package(json.loads(report.read_text(encoding="utf-8"))["files"])
    if writes:
        FLOOR.write_text(json.dumps(measured, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        return failed
    lower = below(measured, json.loads(FLOOR.read_text(encoding="utf-8")))
    for package, percent in measured.items():
        sys.stdout.write(f"{percent:6.1f} %  {package}\n")
    for line in lower:
        sys.stdout.write(f"{line}\n")
    return failed or int(bool(lower))


def by_package(files: Mapping[str, Any]) -> dict[str, float]:
    """Package -> percent of its branches that are taken. The kit, the web edge and infra count as one package each."""
    taken: dict[str, int] = defaultdict(int)
    there: dict[str, int] = defaultdict(int)
    for name, one in files.items():
        folders = name.split("/")[:-1]
        package = "/".join(folders[:1] if folders[0] == "infra" else folders[: 2 if folders[1:2] != ["fleet"] else 3])
        taken[package] += one["summary"]["covered_branches"]
        there[package] += one["summary"]["num_branches"]
    return {
        package: round(100 * taken[package] / count, 1)
        for package, count in sorted(there.items())
        if count >= FEWEST_BRANCHES
    }


def below(measured: Mapping[str, float], floor: Mapping[str, float]) -> list[str]:
    """A line for each package that covers less than the floor, or is gone."""
    return [
        f"{package}: {measured.get(package, 0.0)} % of its branches are covered; before, {percent} % were"
        for package, percent in sorted(floor.items())
        if measured.get(package, 0.0) < percent - TOLERANCE_PERCENT
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
