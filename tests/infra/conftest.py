"""The real zip, built once for all tests of a run; and the templates, as CloudFormation gets and makes them."""

import fcntl
import os
import zipfile
from pathlib import Path

import pytest

from chalicelib.platform.context import Role
from infra.libraries import PYTHON, find_python, install
from infra.package import ROOT, package
from infra.resolved import transformed
from tests.infra.places import EVERY, STACKS
from tests.infra.runtime_client import RealZip
from tests.infra.toy import DEPLOYABLE as TOYS
from tests.infra.toy import write_project

REQUIRED = "REAL_ZIP_REQUIRED"
"""Set where tests of the real zip may not be skipped, as ``.ci/run`` does."""


@pytest.fixture(scope="session")
def real_zip(tmp_path_factory: pytest.TempPathFactory) -> RealZip:
    """The zip as it goes to AWS, and what runs it. Skips where this machine has no Python of the functions' version."""
    python = find_python()
    if python is None:
        reason = f"no Python {PYTHON} on PATH, in pyenv or uv: the real zip cannot be run"
        (pytest.fail if os.environ.get(REQUIRED) else pytest.skip)(reason)
    folder = _shared(tmp_path_factory)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            _build(folder)
            (folder / "done").touch()
    return RealZip(python, folder / "code", folder / "runtime-client")


def _shared(factory: pytest.TempPathFactory) -> Path:
    """One folder for all workers of a run."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return factory.mktemp("real-zip")
    folder = factory.getbasetemp().parent / "real-zip"
    folder.mkdir(exist_ok=True)
    return folder


def _build(folder: Path) -> None:
    _, archive = package(folder / "build", "test", code_only=False)
    with zipfile.ZipFile(archive) as content:
        content.extractall(folder / "code")
    install(ROOT / "tests" / "infra" / "runtime-client.txt", folder / "runtime-client")


@pytest.fixture(scope="session")
def packages(tmp_path_factory):
    """The packaged template of each role, without the libraries."""
    build = tmp_path_factory.mktemp("packages")
    return {role: package(build / role, "local", code_only=True, deployable=STACKS[role])[0] for role in Role}


@pytest.fixture(scope="session")
def every_package(packages, tmp_path_factory):
    """The packaged template of each stack by its id in `places.EVERY`, those of all families among them."""
    build = tmp_path_factory.mktemp("families")
    found = {str(role): packages[role] for role in Role}
    for name, deployable in EVERY.items():
        root = write_project(build / "toys-project") if deployable is TOYS else ROOT
        if name not in found:
            found[name] = package(build / name, "local", code_only=True, deployable=deployable, root=root)[0]
    return found


@pytest.fixture(scope="session")
def every_template(every_package):
    """What the SAM transform makes of them."""
    return {name: transformed(each) for name, each in every_package.items()}


@pytest.fixture(scope="session")
def templates(packages):
    """What the SAM transform makes of them."""
    return {role: transformed(packages[role]) for role in Role}
