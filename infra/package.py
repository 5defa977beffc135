"""Builds the deployment: ``build/stateful.json``, and in ``build/packaged/`` the application's template and zip."""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from chalicelib.platform.context import Role
from infra.deployables import CORE, FAMILIES_OUTPUT, Deployable, chosen, further_of
from infra.deployment.indexes import METADATA, used_indexes
from infra.deployment.stagefile import check_stage
from infra.fragment import finished, fragment
from infra.libraries import PYTHON, find_python, install
from infra.sdk import is_description_of_another, slim
from infra.stateful import stateful_template, to_compact_json

Json = dict[str, Any]

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("app.py", "chalicelib", ".chalice/config.json", ".chalice/policy.json")
REQUIREMENTS = "requirements.txt"
"""The functions' libraries, with hashes. Chalice does not install them: it would fetch those for the Python that it
runs in."""

BUILD_ONLY = ("cffi/", "pycparser/")
"""Libraries that are needed only to build others: at run time ``_cffi_backend`` does not use them."""


def write_stateful(build: Path, *, retain: bool, deployable: Deployable = CORE) -> Json:
    """Write and return the template of the stateful stack below that stack."""
    template = stateful_template(deployable, retain=retain)
    _write(build / "stateful.json", template)
    return template


def package(
    build: Path,
    stage: str,
    *,
    code_only: bool,
    deployable: Deployable = CORE,
    root: Path = ROOT,
    archive: Path | None = None,
) -> tuple[Json, Path]:
    """Write ``build/packaged``, for that stack; returns the template and the zip's path.

    ``code_only`` leaves the libraries out: the local cloud runs functions in this virtual environment, and the wheels
    of Lambda's platform would not load on every machine. ``archive`` is the zip of another stack of these sources: it
    is the same for all stacks, and is not made again. Raises ValueError for a fragment that does not fit, and for
    libraries of another Python than the functions'; RuntimeError where Chalice or pip fails.
    """
    _write(build / "fragment.json", fragment(deployable))
    packaged = build / "packaged"
    with tempfile.TemporaryDirectory(prefix="edge-admin-package-") as folder:
        project = Path(folder)
        _copy_sources(project, root)
        run_chalice(project, stage, (build / "fragment.json").resolve(), project / "out", deployable.environment)
        shutil.rmtree(packaged, ignore_errors=True)
        packaged.mkdir(parents=True)
        if archive is None:
            archive = packaged / "deployment.zip"
            _make_zip(project, archive, code_only=code_only)
        template = json.loads((project / "out" / "sam.json").read_text())
    template = finished(template, deployable)
    template |= {"Metadata": {METADATA: {"Indexes": used_indexes(deployable.all_tables.values())}}}
    template["Outputs"]["Release"] = {"Value": release()}
    template["Outputs"][FAMILIES_OUTPUT] = {"Value": ",".join(deployable.names)}
    _write(packaged / "sam.json", template)
    return template, archive


def release() -> str:
    """The version of this checkout as `git describe` gives it; "unknown" outside of git."""
    command = ["git", "describe", "--tags", "--always", "--dirty"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return "unknown"
    return done.stdout.strip() or "unknown"


def kept_in_package(names: Iterable[str]) -> list[str]:
    """The entries of a zip, without compiled files, build dependencies, and AWS services that the code does not
    call."""
    return [name for name in names if not _is_ballast(name)]


def _is_ballast(name: str) -> bool:
    is_compiled = "__pycache__/" in name or name.endswith(".pyc")
    return is_compiled or name.startswith(BUILD_ONLY) or is_description_of_another(name)


def _write(path: Path, template: Json) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(to_compact_json(template))


def _copy_sources(project: Path, root: Path) -> None:
    """A copy of the sources, because Chalice writes caches into the folder that it packages."""
    for name in SOURCES:
        source, target = root / name, project / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target)


def run_chalice(project: Path, stage: str, merge: Path, out: Path, variables: Mapping[str, str]) -> None:
    # Chalice has no __main__, and its script may not be on the path.
    start = "import sys; from chalice.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", start, "package", "--stage", stage, "--merge-template", str(merge), str(out)]
    # Chalice asks the SDK for a region even if it makes no call.
    environment = {"AWS_DEFAULT_REGION": "us-east-1", **os.environ, **variables}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"chalice package failed:\n{done.stdout}{done.stderr}")


def _make_zip(project: Path, target: Path, *, code_only: bool) -> None:
    """Make the functions' zip of that which Chalice has made."""
    with zipfile.ZipFile(project / "out" / "deployment.zip") as code:
        code.extractall(project / "code")
    if not code_only:
        install(ROOT / REQUIREMENTS, project / "code")
    _prepare(project / "code", Path(sys.executable) if code_only else find_python())
    _write_zip(project / "code", target)


def _prepare(folder: Path, python: Path | None) -> None:
    """Repack the zip without unneeded files, and with compiled modules: a function cannot store what it compiles at
    start."""
    for path, name in _files(folder):
        if name not in kept_in_package([name]):
            path.unlink()
    slim(folder)
    if python is None:
        print(f"no Python {PYTHON} here: the zip holds no compiled modules, and functions start later", file=sys.stderr)
    else:
        compile_all(folder, python)


def _files(folder: Path) -> Iterator[tuple[Path, str]]:
    """The files below a folder, in the order of their names, with those."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        yield path, str(path.relative_to(folder))


def _write_zip(folder: Path, target: Path) -> None:
    """Write a reproducible zip."""
    with zipfile.ZipFile(target, "w") as archive:
        for path, name in _files(folder):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = (0o755 if path.stat().st_mode & 0o100 else 0o644) << 16
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)


def compile_all(folder: Path, python: Path = Path(sys.executable)) -> None:
    """Compile every module below, reproducibly: with a fixed hash seed, since constant sets are written in the order of
    their hashes, and without time stamps.
    """
    command = [str(python), "-m", "compileall", "-qq", "-s", str(folder), "-p", "/var/task"]
    command += ["--invalidation-mode", "unchecked-hash", str(folder)]
    # The result is not checked: a library may contain modules for other versions of Python, which do not compile.
    subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": "0"}, check=False)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stage", default="dev")
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--role", type=Role, choices=tuple(Role), default=Role.CORE)
    parser.add_argument("--families", default="", help="a comma list; those that are there by default")
    parser.add_argument("--code-only", action="store_true", help="without the libraries, for linting the templates")
    arguments = parser.parse_args()
    try:
        check_stage(arguments.stage)
        wanted = chosen(arguments.families)
    except ValueError as error:
        print(f"make package: {error}", file=sys.stderr)
        return 2
    for each in wanted if arguments.role is Role.CORE else [further_of(wanted[0])]:
        build = arguments.build / each.folder
        if each.has_state:
            write_stateful(build, retain=True, deployable=each)
        template, archive = package(build, arguments.stage, code_only=arguments.code_only, deployable=each)
        size = archive.stat().st_size / 1_000_000
        print(f"{build / 'packaged'}: {len(template['Resources'])} resources, zip {size:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
