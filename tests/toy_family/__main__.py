"""``python -m tests.toy_family``: clones the project, adds the toy family, and runs `make check` and the tests there.

Without end-to-end tests, which start a cloud for the families that are deployed, it takes about ten minutes. Arguments
go to pytest.
"""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.toy_family.add import add

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str]) -> int:
    """Returns the exit code of the first step that fails, else 0."""
    with TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        (clone / ".venv").symlink_to(ROOT / ".venv")
        add(clone)
        subprocess.run(["git", "add", "--all"], cwd=clone, check=True)
        tests = [".venv/bin/pytest", "-q", "--ignore=tests/e2e", "--ignore=tests/bench", *arguments]
        for step in (["make", "check"], tests):
            if failed := subprocess.run(step, cwd=clone, check=False).returncode:
                return failed
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
