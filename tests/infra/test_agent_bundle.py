"""The agent's bundle: what is in it, that it is the same twice, and that nothing but it is ever installed."""

import gzip
import hashlib
import io
import json
import os
import platform
import re
import subprocess
import sys
import tarfile
import zipfile

import pytest
from edge_agent.bundles import ARCHIVE, digest_of, install_again

from infra.agent_bundle import AGENT, ARCHITECTURES, DISTRIBUTION, LOCK, PYTHONS, build_bundle, version_of

THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
THIS_MACHINE = platform.machine()
INSTALL = AGENT / "edge_agent" / "bundles.py"

pytestmark = pytest.mark.skipif(
    THIS_MACHINE not in ARCHITECTURES or THIS_PYTHON not in PYTHONS, reason="there is no bundle for this machine"
)


@pytest.fixture(scope="module")
def bundle():
    return build_bundle(THIS_MACHINE, [THIS_PYTHON])


def files_of(content):
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}


def packed(files):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, each in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(each)
            archive.addfile(entry, io.BytesIO(each))
    return content.getvalue()


def with_manifest(files, **changes):
    """The same files under a manifest that names them as they are."""
    sums = {name: hashlib.sha256(each).hexdigest() for name, each in files.items() if name != "bundle.json"}
    manifest = {**json.loads(files["bundle.json"]), "files": sums, **changes}
    return {**files, "bundle.json": json.dumps(manifest).encode()}


def manifest(**changes):
    """That of a bundle without files, which fits this machine."""
    own = {"version": "1", "architecture": THIS_MACHINE, "pythons": [THIS_PYTHON], "files": {}}
    return json.dumps({**own, **changes}).encode()


def install(folder, content, sha256=None, **environment):
    archive = folder / "bundle.tar.gz"
    archive.write_bytes(content)
    promised = sha256 or hashlib.sha256(content).hexdigest()
    command = [sys.executable, "-I", INSTALL, archive, "--sha256", promised, "--versions", folder / "versions"]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})


def test_bundle_manifest_hashes_every_file_and_includes_every_library(bundle):
    files = files_of(bundle.content)
    manifest = json.loads(files["bundle.json"])
    assert manifest["files"] == {
        name: hashlib.sha256(each).hexdigest() for name, each in files.items() if name != "bundle.json"
    }
    assert (manifest["version"], manifest["architecture"]) == (bundle.version, THIS_MACHINE)
    lines = files["requirements.txt"].decode().splitlines()
    pinned = {line.split("==")[0] for line in lines}
    assert {*re.findall(r"^([a-z0-9-]+)==", (AGENT / "requirements.txt").read_text(), re.MULTILINE)} <= pinned
    assert DISTRIBUTION in pinned
    assert all(re.fullmatch(r"\S+==\S+( --hash=sha256:[0-9a-f]{64})+", line) for line in lines)


def test_bundle_of_the_same_sources_is_identical(bundle):
    assert build_bundle(THIS_MACHINE, [THIS_PYTHON]).content == bundle.content


def test_agent_requirements_are_in_the_lock_file():
    locked = set(re.findall(r"^\S+==\S+", LOCK.read_text(), re.MULTILINE))
    assert set((AGENT / "requirements.txt").read_text().split()) <= locked


def test_bundle_version_changes_with_its_content(tmp_path):
    for name in ("pyproject.toml", "requirements.txt", "requirements.lock", "edge-agent.service", "as-root.conf"):
        (tmp_path / name).write_text("")
    (tmp_path / "edge_agent").mkdir()
    module = tmp_path / "edge_agent" / "__init__.py"
    module.write_text('__version__ = "7.1.0"\n')
    first = version_of(tmp_path)
    (tmp_path / "edge_agent" / "more.py").write_text("x = 1\n")
    second = version_of(tmp_path)
    assert first != second
    assert first.startswith("7.1.0+b")


def a_strangers_wheel(folder, name, version, module):
    """A package of somebody else under that name, which says so when it is imported."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    files = {
        f"{module}/__init__.py": "raise SystemExit('stranger-of-the-test')\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\nedge-agent = {module}:main\n",
    }
    with zipfile.ZipFile(path, "w") as wheel:
        for member, text in files.items():
            wheel.writestr(member, text)
        wheel.writestr(f"{info}/RECORD", "".join(f"{member},,\n" for member in files))
    return path


@pytest.fixture
def strangers(tmp_path):
    """An index, and a folder of wheels, of somebody who has taken our names with higher versions."""
    index = tmp_path / "index"
    for name, version in (("edge_agent", "9.0"), ("edge_admin_serverless_agent", "99.0")):
        project = index / name.replace("_", "-")
        project.mkdir(parents=True)
        wheel = a_strangers_wheel(project, name, version, "edge_agent")
        (project / "index.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>')
    wheels = " ".join(str(each) for each in index.iterdir())
    path = tmp_path / "on-the-path"
    (path / "edge_agent").mkdir(parents=True)
    (path / "edge_agent" / "__init__.py").write_text("raise SystemExit('stranger-of-the-test')\n")
    return {
        "PIP_INDEX_URL": index.as_uri(),
        "PIP_EXTRA_INDEX_URL": index.as_uri(),
        "PIP_FIND_LINKS": wheels,
        "PIP_NO_INDEX": "0",
        "PYTHONPATH": str(path),
    }


def test_foreign_package_of_the_same_name_is_installed_by_a_bare_name(strangers, tmp_path):
    """Else the next test would show nothing."""
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(tmp_path / "got"), "edge-agent"]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, **strangers})
    assert [path.name for path in (tmp_path / "got").iterdir()] == ["edge_agent-9.0-py3-none-any.whl"]


def test_foreign_package_is_neither_installed_nor_imported(bundle, strangers, tmp_path):
    done = install(tmp_path, bundle.content, **strangers)
    assert (done.returncode, done.stdout) == (0, f"{bundle.version}\n"), done.stderr
    version = tmp_path / "versions" / bundle.version
    said = subprocess.run(
        [version / "bin" / "edge-agent", "--version"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **strangers},
    )
    assert said.stdout == f"{bundle.version}\n"
    texts = [path.read_text() for path in version.glob("lib/*/site-packages/edge_agent/*.py")]
    assert texts
    assert not [text for text in texts if "stranger-of-the-test" in text]
    assert not list(version.glob("lib/*/site-packages/edge_agent-*"))


@pytest.mark.slow
def test_installed_version_is_replaced_as_a_whole(bundle, tmp_path):
    for _ in range(2):
        assert install(tmp_path, bundle.content).returncode == 0
    assert [path.name for path in (tmp_path / "versions").iterdir()] == [bundle.version]


@pytest.mark.slow
def test_version_whose_python_is_gone_is_installed_again_from_its_archive(bundle, tmp_path):
    assert install(tmp_path, bundle.content).returncode == 0
    (tmp_path / "bundle.tar.gz").unlink()
    folder = tmp_path / "versions" / bundle.version
    (folder / "bin" / "python").unlink()
    (folder / "bin" / "python").symlink_to("/nowhere/python3.9")
    [installer] = folder.glob("lib/python3.*/site-packages/edge_agent/bundles.py")
    done = subprocess.run(
        [sys.executable, "-I", installer, "--again", folder], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, f"{bundle.version}\n"), done.stderr
    said = subprocess.run([folder / "bin" / "edge-agent", "--version"], capture_output=True, text=True, check=True)
    assert said.stdout == f"{bundle.version}\n"


def refused(folder, done):
    """Why it was refused; nothing of it may be left."""
    assert done.returncode == 1
    versions = folder / "versions"
    assert not versions.exists() or list(versions.iterdir()) == []
    return done.stderr


def test_archive_with_a_different_hash_is_refused(bundle, tmp_path):
    done = install(tmp_path, bundle.content, "0" * 64)
    assert "SHA-256 differs" in refused(tmp_path, done)


def test_changed_file_in_a_bundle_is_refused_by_the_manifest(bundle, tmp_path):
    files = files_of(bundle.content)
    done = install(tmp_path, packed({**files, "requirements.txt": b""}))
    assert "requirements.txt is not the one" in refused(tmp_path, done)


def test_changed_library_is_refused_by_its_hash_despite_the_manifest(bundle, tmp_path):
    files = files_of(bundle.content)
    name = next(name for name in files if "urllib3" in name)
    changed = io.BytesIO(files[name])
    with zipfile.ZipFile(changed, "a") as wheel:
        wheel.writestr("urllib3/more.py", "")
    done = install(tmp_path, packed(with_manifest({**files, name: changed.getvalue()})))
    assert "hash" in refused(tmp_path, done).lower()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"architecture": "sparc"}, "the bundle is for sparc"),
        ({"pythons": ["3.9"]}, "the bundle is for 3.9"),
        ({"version": "../elsewhere"}, "cannot be a version"),
        pytest.param({"version": "0.0.1"}, "not '0.0.1'", marks=pytest.mark.slow),
    ],
)
def test_bundle_for_another_platform_is_refused(bundle, tmp_path, changes, says):
    done = install(tmp_path, packed(with_manifest(files_of(bundle.content), **changes)))
    assert says in refused(tmp_path, done)


def test_bundle_for_another_python_is_refused_before_anything_is_written(tmp_path):
    done = install(tmp_path, packed({"../outside": b"x", "bundle.json": manifest(pythons=["3.9"])}))
    assert "the bundle is for 3.9" in refused(tmp_path, done)  # and not that this cannot be unpacked


@pytest.mark.parametrize("newest", ["#!/nowhere\n", "#!/bin/sh\nexit 1\n"])
def test_version_is_installed_again_with_a_python_of_its_bundle_that_works(tmp_path, monkeypatch, newest):
    folder = tmp_path / "versions" / "1"
    folder.mkdir(parents=True)
    (folder / ARCHIVE).write_bytes(packed({"bundle.json": manifest(pythons=["3.8", "3.9", "3.10"])}))
    pythons = tmp_path / "bin"
    pythons.mkdir()
    for name, text in (("python3.8", newest), ("python3.9", '#!/bin/sh\necho "$@"\n'), ("python3.10", newest)):
        (pythons / name).write_text(text)
        (pythons / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(pythons), prepend=":")
    sha256 = digest_of(folder / ARCHIVE)

    asked = install_again(folder).split()
    assert asked[2:] == [str(folder / ARCHIVE), "--sha256", sha256, "--versions", str(folder.parent)]


@pytest.mark.parametrize("name", ["../outside", "/tmp/outside", "wheels/../../outside"])
def test_archive_member_outside_the_folder_is_refused(tmp_path, name):
    done = install(tmp_path, packed({name: b"x", "bundle.json": manifest()}))
    assert "no plain file" in refused(tmp_path, done)


@pytest.mark.parametrize(
    "content",
    [packed({"bundle.json": b"[]"}), packed({}), gzip.compress(b"no tar")],
    ids=["manifest of another shape", "empty", "no tar"],
)
def test_malformed_bundle_is_refused(tmp_path, content):
    assert refused(tmp_path, install(tmp_path, content))
