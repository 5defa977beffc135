"""No document, page, unit or script tells anybody to install something by a bare name from a package index: whoever
owns the name there owns the machine."""

import re
import shlex

import pytest

from infra.package import ROOT

SUFFIXES = {".md", ".html", ".service", ".sh", ".conf", ".txt", ".toml", ".py"}
SKIPPED = {".venv", "build", ".git", "node_modules", "tests", "fixtures"}

PLACES = [path for path in ROOT.iterdir() if path.name not in SKIPPED]

FILES = {
    str(path.relative_to(ROOT)): path
    for place in sorted(PLACES)
    for path in ([place] if place.is_file() else sorted(place.rglob("*")))
    if path.is_file()
    and (path.suffix in SUFFIXES or path.name == "Makefile")
    and not SKIPPED & set(path.relative_to(ROOT).parts[:-1])
}

INSTALLS = re.compile(
    r"\b(?:pip3?|pipx|uv pip|uv tool|npm|easy_install)\s+(?:install|download|i|add)\b([^\n`'\"&|;#]*)"
)
WITH_A_FILE = {"-r", "--requirement", "-c", "--constraint"}
WITH_A_VALUE = WITH_A_FILE | {"--find-links", "--dest", "-d", "--target", "--prefix", "--root"}


def bare_names(text):
    """What the install lines of a text take by name: no option, no file, no folder."""
    found = []
    for line in INSTALLS.findall(text):
        words = iter(shlex.split(line.replace("$(BIN)", "$BIN")))
        for word in words:
            if word in WITH_A_VALUE:
                next(words, None)
            elif not word.startswith(("-", "/", "./", "$")) and not word.endswith((".whl", ".tar.gz")):
                found.append(word)
    return found


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("/opt/x/bin/pip install --upgrade edge-agent && systemctl restart edge-agent", ["edge-agent"]),
        ("pip install ./samples/agent", []),
        ("python -m pip install --quiet -r requirements.txt", []),
        ("pip install --no-index --find-links wheels x.whl", []),
        ("pipx install something", ["something"]),
    ],
)
def test_bare_package_name_in_an_install_line_is_recognised(line, names):
    assert bare_names(line) == names


def test_install_line_check_covers_the_main_files():
    assert {"README.md", "Makefile", "samples/agent/README.md", "samples/agent/edge-agent.service"} <= set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_files_install_no_package_by_a_bare_name(name):
    assert bare_names(FILES[name].read_text()) == []
