"""A copy of the project, to which the toy family is added. ``python -m tests.toy_family`` runs everything in one."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from chalicelib import families
from tests.toy_family.add import NAME, add

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(NAME in families.NAMES, reason="the toy family has been added to this copy")

COPIED = ("app.py", "chalicelib", "infra", "tests", "docs", "pyproject.toml", ".chalice", "samples")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copy")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "bench", "e2e"))
        else:
            shutil.copy(source, folder / name)
    add(folder)
    return folder


def test_new_family_is_one_folder_and_one_line(copy):
    changed = subprocess.run(
        ["diff", "--recursive", "--brief", "--exclude=__pycache__", str(ROOT / "chalicelib"), str(copy / "chalicelib")],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.splitlines()
    assert [line.rsplit("/", 1)[-1] for line in changed] == ["families.py differ", f"chalicelib: {NAME}"]


@pytest.mark.slow
def test_toy_family_works_and_fits_budget_templates_and_world(copy):
    tests = [
        "tests/workers/theatre",
        "tests/unit/project/test_import_budget.py",
        "tests/infra/test_families.py",
        "tests/infra/test_aws_limits.py",
        "tests/infra/test_templates.py",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, "-k", "puppet or theatre"],
        cwd=copy,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert "deselected" in done.stdout
