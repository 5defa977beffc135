"""Installs a bundle of the agent into a folder of its own, beside the installed versions.

The installer runs this file as a program before the agent is installed, so it uses only the standard library and none
of the agent's ports; the agent gets `install` as a function. A version's folder appears completely or not at all, even
after a power cut.
"""

import argparse
import contextlib
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MANIFEST = "bundle.json"
ARCHIVE = "bundle.tar.gz"
REQUIREMENTS = "requirements.txt"
WHEELS = "wheels"
STAGING = ".staging-"
INSTALL_SECONDS = 600
PIECE_BYTES = 1024 * 1024
LARGEST_FILE_BYTES = 64 * 1024 * 1024
LAST_WORDS = 1500

_START = """#!/bin/sh
# Works in any folder, and ignores the caller's Python variables.
exec "$(dirname "$(readlink -f "$0")")/python" -I -m edge_agent "$@"
"""


class BundleError(Exception):
    """A bundle cannot be installed here. The text gives the reason, for people."""


def install(archive: Path, sha256: str, versions: Path) -> str:
    """Install the bundle as `versions/VERSION` and return VERSION. An existing folder is replaced.

    Raises `BundleError`, and OSError, as for a full disk; then nothing of the bundle is left.
    """
    if digest_of(archive) != sha256:
        raise BundleError("the bundle is not the one that was promised: its SHA-256 differs")
    versions.mkdir(parents=True, exist_ok=True)
    remove_leftovers(versions)
    manifest = _manifest_in(archive)
    _check(manifest)
    version = str(manifest["version"])
    staging = Path(tempfile.mkdtemp(prefix=STAGING, dir=versions))
    try:
        unpacked = staging / "unpacked"
        _unpack(archive, unpacked, manifest)
        _make_environment(staging, unpacked)
        _check_start(staging, version)
        shutil.copyfile(unpacked / MANIFEST, staging / MANIFEST)
        shutil.copyfile(archive, staging / ARCHIVE)  # for the launcher, should this Python be replaced
        shutil.rmtree(unpacked)
        staging.chmod(0o755)
        os.sync()  # files before names: after a power cut a folder with its final name is complete
        _replace_version(staging, versions / version)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return version


def install_again(folder: Path) -> str:
    """Install the version in a folder anew, from the archive that it was installed from: with this Python, or, where
    the archive is not for it, with the newest other one of this machine that can. Passes on the errors of `install`,
    of the last that was tried; the folder is then as it was."""
    archive = folder / ARCHIVE
    sha256, pythons = digest_of(archive), _manifest_in(archive)["pythons"]
    others = [found for each in reversed(pythons) if (found := shutil.which(f"python{each}"))]
    if _this_python() in pythons or not others:
        return install(archive, sha256, folder.parent)
    asked = ("-I", __file__, str(archive), "--sha256", sha256, "--versions", str(folder.parent))
    *tried, last = others
    for python in tried:
        with contextlib.suppress(BundleError, OSError):
            return _run(python, *asked).strip()
    return _run(last, *asked).strip()


def _manifest_in(archive: Path) -> Mapping[str, Any]:
    """The manifest in an archive, of which nothing is written. Raises `BundleError`."""
    try:
        with tarfile.open(archive, "r:gz") as content:
            found = next((each for each in content if each.name == MANIFEST), None)
            file = content.extractfile(found) if found is not None and found.size <= LARGEST_FILE_BYTES else None
            read = json.loads(file.read() if file is not None else b"")
            texts = {name: str(read[name]) for name in ("version", "architecture")}
            return {**texts, "pythons": [str(each) for each in read["pythons"]], "files": dict(read["files"])}
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise BundleError("the bundle is no archive that can be read") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(f"the bundle has no readable {MANIFEST}") from error


def _unpack(archive: Path, folder: Path, manifest: Mapping[str, Any]) -> None:
    """Unpack into a new folder. Raises `BundleError` for a file that is not the one of the manifest."""
    folder.mkdir()
    try:
        with tarfile.open(archive, "r:gz") as content:
            for member in content:
                _unpack_file(content, member, folder)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise BundleError("the bundle is no archive that can be read") from error
    for name, sha256 in manifest["files"].items():
        if not (folder / name).is_file() or digest_of(folder / name) != sha256:
            raise BundleError(f"{name} is not the one that {MANIFEST} names")


def _unpack_file(content: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    if not member.isfile() or ".." in Path(member.name).parts or member.name.startswith("/"):
        raise BundleError(f"the bundle holds {member.name!r}, which is no plain file")
    if member.size > LARGEST_FILE_BYTES:
        raise BundleError(f"{member.name!r} has {member.size} bytes, more than {LARGEST_FILE_BYTES}")
    target = folder / member.name
    target.parent.mkdir(parents=True, exist_ok=True)
    source = content.extractfile(member)
    if source is not None:
        with target.open("wb") as file:
            shutil.copyfileobj(source, file)


def remove_leftovers(versions: Path) -> None:
    """Remove the folders that interrupted installations left."""
    for folder in versions.glob(f"{STAGING}*"):
        shutil.rmtree(folder, ignore_errors=True)


def digest_of(file: Path) -> str:
    """The SHA-256 digest of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while piece := content.read(PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def _this_python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _check(manifest: Mapping[str, Any]) -> None:
    """Check that a bundle is for this machine and this Python, before anything of it is written. Raises
    `BundleError`."""
    if _this_python() not in manifest["pythons"]:
        raise BundleError(f"this is Python {_this_python()}; the bundle is for {', '.join(manifest['pythons'])}")
    if platform.machine() != manifest["architecture"]:
        raise BundleError(f"this machine is {platform.machine()}; the bundle is for {manifest['architecture']}")
    version = Path(str(manifest["version"]))
    if version.name != str(version) or str(version).startswith("."):
        raise BundleError(f"{str(version)!r} cannot be a version")


def _make_environment(folder: Path, unpacked: Path) -> None:
    """Create a virtual environment and install the bundle's wheels with the bundle's pip.

    No package index is used, and a file with an unexpected hash is refused.
    """
    _run(sys.executable, "-I", "-m", "venv", "--without-pip", str(folder))
    wheels = unpacked / WHEELS
    pip = next(iter(wheels.glob("pip-*.whl")), None)
    if pip is None:
        raise BundleError("the bundle holds no pip")
    options = ["--isolated", "--quiet", "--no-input", "--no-cache-dir", "--disable-pip-version-check"]
    verified = ["--no-index", "--require-hashes", "--find-links", str(wheels)]
    requirements = ["--requirement", str(unpacked / REQUIREMENTS)]
    _run(str(folder / "bin" / "python"), "-I", str(pip / "pip"), *options, "install", *verified, *requirements)
    # The script that pip creates contains the folder's name, which is about to change.
    start = folder / "bin" / "edge-agent"
    start.write_text(_START)
    start.chmod(0o755)


def _check_start(folder: Path, version: str) -> None:
    said = _run(str(folder / "bin" / "edge-agent"), "--version").strip()
    if said != version:
        raise BundleError(f"the agent of the bundle says that it is {said!r}, not {version!r}")


def _run(*command: str) -> str:
    environment = {"PATH": os.environ.get("PATH", os.defpath), "PIP_CONFIG_FILE": os.devnull, "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(  # noqa: S603 - programs of this machine and of the bundle, whose hash was checked
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=INSTALL_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise BundleError(f"{Path(command[0]).name} did not end within {INSTALL_SECONDS} s") from error
    if done.returncode:
        words = (done.stderr or done.stdout).decode(errors="replace").strip()[-LAST_WORDS:]
        raise BundleError(f"{Path(command[0]).name} ended with status {done.returncode}: {words}")
    return done.stdout.decode(errors="replace")


def _replace_version(staging: Path, final: Path) -> None:
    if final.exists():
        final.rename(staging / "replaced")  # after a power cut here it is removed with the leftovers
        moved = Path(tempfile.mkdtemp(prefix=STAGING, dir=final.parent))
        (staging / "replaced").rename(moved / "replaced")
        staging.rename(final)
        shutil.rmtree(moved, ignore_errors=True)
    else:
        staging.rename(final)
    descriptor = os.open(final.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def main() -> int:
    parser = argparse.ArgumentParser(description="Install a bundle of the agent beside the installed versions.")
    parser.add_argument("archive", type=Path, nargs="?")
    parser.add_argument("--sha256")
    parser.add_argument("--versions", type=Path)
    parser.add_argument("--again", type=Path, metavar="FOLDER", help="an installed version, from its own archive")
    asked = parser.parse_args()
    if asked.again is None and None in (asked.archive, asked.sha256, asked.versions):
        parser.error("name an archive, --sha256 and --versions, or --again")
    try:
        version = install_again(asked.again) if asked.again else install(asked.archive, asked.sha256, asked.versions)
        print(version)  # noqa: T201 - it is the output
    except (BundleError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
