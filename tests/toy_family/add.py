"""Adds the toy family to a clone of the project: ``python -m tests.toy_family.add FOLDER``.

It copies one folder, adds the one line that names the family, and writes the generated documents (`make openapi`).
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
NAME = "theatre"
_COPIED = ("chalicelib", "tests")


def add(clone: Path) -> None:
    """Add the family. Raises ValueError if the clone has it already, or names its families in another way."""
    for folder in _COPIED:
        shutil.copytree(HERE / folder, clone / folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    families = clone / "chalicelib" / "families.py"
    before = families.read_text(encoding="utf-8")
    after = before.replace('("fleet", "machines", "cloud")', f'("fleet", "machines", "cloud", "{NAME}")')
    if after == before:
        raise ValueError(f"{families} does not name the families as this script expects")
    families.write_text(after, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(clone)}
    for generator in ("openapi", "permissions_page"):
        subprocess.run([sys.executable, "-m", f"chalicelib.web.{generator}"], cwd=clone, env=environment, check=True)


if __name__ == "__main__":
    add(Path(sys.argv[1]).resolve())
