"""The real zip, built once for all tests of a run; and the templates, as CloudFormation gets and makes them."""

import fcntl
import json
import os
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from chalicelib.platform.context import Role
from infra.libraries import PYTHON, find_python, install
from infra.package import ROOT, package
from infra.resolved import transformed
from tests.infra.places import EVERY
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
    folder = _made_once(tmp_path_factory, "real-zip", _build)
    return RealZip(python, folder / "code", folder / "runtime-client")


def _made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that the first worker of a run fills, for all of them."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        folder = factory.mktemp(name)
        make(folder)
        return folder
    folder = factory.getbasetemp().parent / name
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            make(folder)
            (folder / "done").touch()
    return folder


def _build(folder: Path) -> None:
    _, archive = package(folder / "build", "test", code_only=False)
    with zipfile.ZipFile(archive) as content:
        content.extractall(folder / "code")
    install(ROOT / "tests" / "infra" / "runtime-client.txt", folder / "runtime-client")


@pytest.fixture(scope="session")
def packages(every_package):
    """The packaged template of each role, without the libraries."""
    return {role: every_package[str(role)] for role in Role}


@pytest.fixture(scope="session")
def every_package(tmp_path_factory):
    """The packaged template of each stack by its id in `places.EVERY`, those of all families among them."""
    folder = _made_once(tmp_path_factory, "packages", _package)
    return {name: _read(folder / f"{name}.json") for name in EVERY}


def _package(folder: Path) -> None:
    """With the first one's zip for all: nothing runs it here."""
    archive = None
    for name, deployable in EVERY.items():
        root = write_project(folder / "toys-project") if deployable is TOYS else ROOT
        build = folder / "build" / name
        template, archive = package(build, "local", code_only=True, deployable=deployable, root=root, archive=archive)
        _write(folder / f"{name}.json", template)


@pytest.fixture(scope="session")
def every_template(every_package, tmp_path_factory):
    """What the SAM transform makes of them."""
    folder = _made_once(tmp_path_factory, "transformed", partial(_transform, every_package))
    return {name: _read(folder / f"{name}.json") for name in every_package}


@pytest.fixture(scope="session")
def templates(every_template):
    """What the SAM transform makes of those of the roles."""
    return {role: every_template[str(role)] for role in Role}


def _transform(packaged: dict[str, Any], folder: Path) -> None:
    for name, each in packaged.items():
        _write(folder / f"{name}.json", transformed(each))


def _write(path: Path, template: Any) -> None:
    path.write_text(json.dumps(template), encoding="utf-8")


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
