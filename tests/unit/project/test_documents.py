"""Documents name what is there: links, paths, commands of make, the index of decisions."""

import re
from itertools import chain

import pytest

from infra.functions import FAMILIES
from infra.package import ROOT

DOCUMENTS = {
    str(path.relative_to(ROOT)): path
    for path in chain(ROOT.glob("*.md"), (ROOT / "docs").rglob("*.md"), (ROOT / "samples").rglob("README.md"))
}

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
NAMED_PATH = re.compile(r"(?:chalicelib|infra|tests|samples|docs|\.ci)/[\w./<>*-]+|\w+\.(?:py|md)")
MADE = re.compile(r"\bmake ([a-z][a-z-]*)")


def links_of(text):
    return [link for link in LINK.findall(FENCE.sub("", text)) if "://" not in link]


def anchors_of(text):
    """As hosts of Git make them of headings."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_document_list_contains_the_main_documents():
    assert {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/operations.md"} <= set(DOCUMENTS)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_document_links_have_existing_targets(name):
    broken = []
    for link in links_of(DOCUMENTS[name].read_text()):
        file, _, anchor = link.partition("#")
        target = (DOCUMENTS[name].parent / file) if file else DOCUMENTS[name]
        if not target.exists() or (anchor and anchor not in anchors_of(target.read_text())):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_paths_in_documents_exist(name):
    """From the root, beside the document, or somewhere in the code where only the end of a path is given. ``<context>``
    and the like stand for any name."""
    places = (DOCUMENTS[name].parent, ROOT / "chalicelib", ROOT / "infra")
    missing = []
    for code in CODE.findall(FENCE.sub("", DOCUMENTS[name].read_text())):
        if NAMED_PATH.fullmatch(code):
            pattern = re.sub(r"<\w+>", "*", code).rstrip("/")
            if not any(ROOT.glob(pattern)) and not any(any(place.rglob(pattern)) for place in places):
                missing.append(code)
    assert missing == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_make_commands_in_documents_are_makefile_targets(name):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = DOCUMENTS[name].read_text()
    code = FENCE.findall(text) + CODE.findall(FENCE.sub("", text))
    assert {command for each in code for command in MADE.findall(each)} - targets == set()


def test_decision_index_lists_every_decision_with_its_title():
    folder = ROOT / "docs" / "adr"
    rows = dict(re.findall(r"^\| \[\d{4}\]\((\S+)\) \| (.+) \|$", (folder / "README.md").read_text(), re.MULTILINE))
    titles = {}
    for path in sorted(folder.glob("[0-9]*.md")):
        number, _, title = path.read_text().splitlines()[0].removeprefix("# ").partition(" ")
        assert path.name.startswith(number)
        titles[path.name] = title
    assert rows == titles


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_architecture_names_each_context_of_a_family(family):
    document = (ROOT / "docs" / "architecture.md").read_text()
    first_cells = " ".join(re.findall(r"^\| (`[^|]+) \|", document, re.MULTILINE))
    assert [each.name for each in family.contexts if f"`{each.name}`" not in first_cells] == []
