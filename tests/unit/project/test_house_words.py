"""The linter's rules about prose, and where it finds prose in a file."""

import pytest

from infra.house import markdown, words
from infra.house.markdown import Markdown
from infra.house.sources import Source


def refused(text: str) -> list[int]:
    """The lines of the findings in a file with this text."""
    return [each.line for each in words.find(Source("chalicelib/example.py", text))]


@pytest.mark.parametrize(
    "sentence",
    [
        "Of an output above 256 KiB head and tail are kept.",
        "Taken once. Of a longer one the head is kept.",
        "What waits for a node.",
        "Sent at once. What was sent before stays.",
        "Who is in.",
        "Where a node belongs, and that it no longer does.",
        "That no node matches is no error.",
        "Being heard of.",
        "Refuses a secret that is none.",
        "An absent row is no error.",
        "Its host is no more.",
        "Whoever looks finds it again.",
        "If nobody has written it since.",
        "Told to who asks.",
        "Only who holds the lock calls this.",
        "Passed over for others' sake.",
        "Write it. Else a sweep finds it.",
        "The node was heard now.",
        "The key, and what there is to it.",
        "The token before, whatever its time.",
        "Others keep coming first.",
        "Goes on behind the place given.",
    ],
)
def test_unclear_construction_is_refused_in_docstring_and_comment(sentence):
    assert 2 in refused(f'def example():\n    """{sentence}"""')
    assert 2 in refused(f"value = 1\n# {sentence}")


@pytest.mark.parametrize(
    "sentence",
    [
        "Truncates output above 256 KiB in the middle.",
        "Of course it does.",
        "The executions that wait for a node.",
        "Why is it here? What is it for?",
        "Keeps it. That one may exist.",
        "None if there is none.",
        "There is no error to report.",
        "It is no longer there, and is no more than a row.",
        "The node that was seen last.",
        "Takes the place of the old one, in one place.",
        "The value, or else the default.",
        "Sends whatever the client gave.",
        "Passes on `nobody` and ``Of``.",
    ],
)
def test_plain_sentence_is_accepted(sentence):
    assert refused(f'def example():\n    """{sentence}"""\n# {sentence}') == []


def test_finding_names_the_line_within_a_long_docstring():
    assert refused('"""First.\n\nSecond line.\nIf nobody writes it.\n"""\n') == [4]


def test_comment_over_several_lines_is_read_as_one_text():
    assert refused("# The first line ends in the middle of a\n# What is said\n") == [2]
    assert refused("# A question over two lines: is this\n# what it was? What for?\n") == []


def test_comment_after_code_is_read_and_a_hash_in_a_string_is_not():
    assert refused("value = 1  # for nobody") == [1]
    assert refused('value = "a  # nobody"') == []
    assert refused('value = """\n# nobody\n"""') == []


def test_pragma_comments_are_not_read():
    assert refused("import a  # noqa: F401 - for nobody") == []


def test_docstring_of_an_attribute_and_published_descriptions_are_read():
    assert refused('LIMIT = 3\n"""For nobody."""') == [2]
    assert refused('class A:\n    limit: int = 3\n    """For nobody."""') == [3]
    assert refused('field = Field(description="For nobody")') == [1]
    assert refused('log("nobody")') == []


def refused_in_markdown(text: str) -> list[int]:
    return [each.line for each in words.find(Markdown("docs/example.md", text))]


def test_paragraphs_and_items_of_a_document_are_read():
    assert refused_in_markdown("# Title\n\nIf nobody looks.\n\n- One.\n- What waits\n  for nobody.\n") == [3, 6, 7]


def test_code_headings_and_tables_of_a_document_are_not_read():
    assert refused_in_markdown("# What it is\n\n```\n# for nobody\n```\n\n| What | Who |\n| --- | --- |\n") == []


def test_documents_are_found_at_the_root_and_below_known_folders(tmp_path):
    for name in ("README.md", "docs/adr/0001.md", "build/copy.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("Text.\n")
    assert [each.path for each in markdown.read(tmp_path)] == ["README.md", "docs/adr/0001.md"]
