"""Every shell block of the documents can be pasted as it stands, into bash and into zsh.

What is asserted of all blocks stands here; `tests/e2e/test_shell_blocks.py` runs those that a local cloud can serve.
"""

import re
import shutil
import subprocess

import pytest

from chalicelib.fleet.api.guide import guide
from tests.support.shell_blocks import DOCUMENTS, blocks_of, blocks_of_page

SHELLS = [shell for shell in ("bash", "zsh") if shutil.which(shell)]

OF_ALL = {
    "the guide": list(blocks_of_page(guide("https://edge.example.com"))),
    **{name: list(blocks_of(path.read_text())) for name, path in DOCUMENTS.items()},
}
BLOCKS = {f"{name}:{block.line}": (name, block) for name, blocks in OF_ALL.items() for block in blocks}

USED = re.compile(r"(?<!\\)\$(?:([A-Za-z_]\w*)|\{#?([A-Za-z_]\w*)(?!\w|:?[-=]))")
SET = re.compile(
    r"(?:^|[\s;(])([A-Za-z_]\w*)\+?=|\bread (?:-\w+ )*([A-Za-z_]\w*)|\bfor ([A-Za-z_]\w*) in\b", re.MULTILINE
)
COMMENT = re.compile(r"(?:^|\s)#.*$", re.MULTILINE)
QUOTED = re.compile(r"'[^']*'")
GNU_DATE = re.compile(r"\bdate\b[^|;)\n]* (-\w*d\b|--date|--iso|-I)")
OF_EVERY_SHELL = {"HOME", "PATH", "PWD", "USER"}


def unset_variables(text, known=frozenset()):
    """Variables that a script uses on a line where nothing before, or in the same line before it, has set them."""
    known, unset = {*known, *OF_EVERY_SHELL}, set()
    for line in text.splitlines():
        known |= {name for names in SET.findall(line) for name in names if name}
        unset |= {one or other for one, other in USED.findall(QUOTED.sub("", line)) if (one or other) not in known}
    return unset


@pytest.mark.parametrize(
    ("text", "unset"),
    [
        ("curl $KEY", {"KEY"}),
        ('KEY=1\ncurl $KEY "${KEY}"', set()),
        ("read -rs KEY\ncurl $KEY", set()),
        ("for each in a b; do echo $each; done", set()),
        ("${EDITOR:-vi} file", set()),
        ("echo '$NOT_ONE' \\$NOR_THIS \"${all[@]}\"", {"all"}),
    ],
)
def test_shell_variable_without_a_value_is_recognised(text, unset):
    assert unset_variables(text) == unset


def test_documents_contain_shell_blocks_of_each_kind():
    marks = [block.mark for _, block in BLOCKS.values()]
    assert {"run", "run aside"} <= set(marks)
    assert any(mark.startswith("not run") for mark in marks)


@pytest.mark.parametrize("place", BLOCKS)
def test_shell_block_is_run_or_gives_a_reason(place):
    _, block = BLOCKS[place]
    assert block.is_run or block.reason


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("place", BLOCKS)
def test_shell_block_has_valid_syntax(place, shell):
    checked = subprocess.run(
        [shell, "-n"], input=BLOCKS[place][1].text, capture_output=True, text=True, timeout=60, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("place", BLOCKS)
def test_shell_block_contains_no_comment(place):
    """To zsh at a prompt a comment is so many further words of the command."""
    assert COMMENT.findall(QUOTED.sub("''", BLOCKS[place][1].text)) == []


@pytest.mark.parametrize("place", BLOCKS)
def test_shell_block_contains_no_history_expansion(place):
    """Between double quotes too a shell at a prompt takes an exclamation mark for an earlier command."""
    assert "!" not in QUOTED.sub("", BLOCKS[place][1].text)


@pytest.mark.parametrize("place", BLOCKS)
def test_shell_block_contains_no_placeholder(place):
    text = BLOCKS[place][1].text
    assert "…" not in text
    assert "..." not in text


@pytest.mark.parametrize("place", BLOCKS)
def test_shell_block_asks_only_what_date_knows_on_every_system(place):
    """GNU's ``-d``, ``--date`` and ``--iso-8601`` are not those of macOS and the BSDs."""
    assert not GNU_DATE.search(BLOCKS[place][1].text)


@pytest.mark.parametrize("place", BLOCKS)
def test_shell_block_uses_only_variables_set_before_it(place):
    name, block = BLOCKS[place]
    before = "".join(each.text for each in OF_ALL[name] if each.line < block.line)
    known = {each for names in SET.findall(before) for each in names if each}
    assert unset_variables(block.text, known) == set()
