"""What ships: pinned, with hashes, for the functions' Python alone."""

import re
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from infra.libraries import PYTHON, check, find_python, install, is_loadable
from infra.package import REQUIREMENTS, ROOT

PIN = re.compile(r"^([a-z0-9-]+)==(\S+)", re.MULTILINE)


@pytest.mark.parametrize("name", [REQUIREMENTS, "tests/infra/runtime-client.txt"])
def test_pinned_requirement_has_the_hashes_of_its_files(name):
    for pin in re.split(r"\n(?=[a-z])", (ROOT / name).read_text()):
        if not pin.startswith("#"):
            assert re.search(r"--hash=sha256:[0-9a-f]{64}", pin), pin


def test_installed_versions_equal_the_pinned_ones():
    pins = dict(PIN.findall((ROOT / REQUIREMENTS).read_text()))

    assert pins == {name: version(name) for name in pins}


@pytest.mark.parametrize("file", [REQUIREMENTS, "tests/infra/runtime-client.txt"])
def test_declared_requirement_is_pinned(file):
    asked = PIN.findall((ROOT / file).with_suffix(".in").read_text())

    assert asked
    assert set(asked) <= set(PIN.findall((ROOT / file).read_text()))


@pytest.mark.parametrize(
    ("name", "loads"),
    [
        ("_pydantic_core.cpython-313-x86_64-linux-gnu.so", True),
        ("_rust.abi3.so", True),
        ("_pydantic_core.cpython-311-x86_64-linux-gnu.so", False),
        ("_pydantic_core.cpython-313-aarch64-linux-gnu.so", False),
        ("_pydantic_core.cpython-313-darwin.so", False),
        ("libsomething.so", False),
    ],
)
def test_compiled_library_of_another_python_or_processor_is_refused(name, loads, tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / name).touch()

    assert is_loadable(name) is loads
    if loads:
        check(tmp_path)
    else:
        with pytest.raises(
            ValueError, match=re.escape(f"built for another Python than {PYTHON} on x86_64: lib/{name}")
        ):
            check(tmp_path)


def test_requirement_without_a_hash_is_not_installed(tmp_path):
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("six==1.17.0\n")

    with pytest.raises(RuntimeError, match="Hashes are required"):
        install(requirements, tmp_path / "lib")


class TestFindPython:
    def test_python_of_another_version_or_broken_is_skipped(self, tmp_path):
        right, broken = tmp_path / "right", tmp_path / "broken"
        right.write_text(f"#!/bin/sh\necho {PYTHON}\n")
        broken.write_text("#!/bin/sh\nexit 127\n")
        for each in (right, broken):
            each.chmod(0o755)
        here = [Path(sys.executable)] if sys.version_info[:2] != (3, 13) else []

        assert find_python([tmp_path / "missing", broken, *here, right]) == right
        assert find_python([broken]) is None

    def test_newest_python_of_pyenv_is_chosen(self, tmp_path, monkeypatch):
        for name in ("3.13.2", "3.13.10", "3.12.9"):
            program = tmp_path / "versions" / name / "bin" / f"python{PYTHON}"
            program.parent.mkdir(parents=True)
            program.write_text(f"#!/bin/sh\necho {PYTHON}\n")
            program.chmod(0o755)
        monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))

        assert find_python() == tmp_path / "versions" / "3.13.10" / "bin" / f"python{PYTHON}"
