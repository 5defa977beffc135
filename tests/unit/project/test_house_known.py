"""Exceptions, known findings and the command line of the linter."""

import pytest

from infra.house import __main__, exceptions, known
from infra.house.exceptions import Exempt
from infra.house.findings import Finding


def finding(path: str = "a.py", rule: str = "words", line: int = 1) -> Finding:
    return Finding(path, line, rule, "wrong", "instead")


def test_finding_shows_its_line_rule_error_and_remedy():
    assert str(finding(line=3)) == "a.py:3: [words] wrong: instead"


def test_exempt_finding_is_left_out_and_another_is_kept():
    exempt = [Exempt("clock", "a.py", "reads the clock for all others")]
    kept = [*exceptions.apply([finding(rule="clock"), finding(), finding("b.py", "clock")], exempt)]
    assert kept == [finding(), finding("b.py", "clock")]


def test_exception_that_matches_nothing_is_a_finding():
    [found] = exceptions.apply([], [Exempt("clock", "a.py", "why")])
    assert "matches nothing" in found.wrong


def test_as_many_findings_as_known_are_left_out():
    assert [*known.apply([finding(line=1), finding(line=2)], {("a.py", "words"): 2})] == []


def test_file_with_more_findings_than_known_shows_them_all():
    found = [finding(line=1), finding(line=2)]
    assert [*known.apply(found, {("a.py", "words"): 1})] == found


def test_known_count_that_is_too_high_is_a_finding():
    [found] = known.apply([finding()], {("a.py", "words"): 2})
    assert found.path == known.FILE
    assert "not 2" in found.wrong


def test_known_counts_read_back_as_written():
    counts = {("b.py", "words"): 2, ("a.py", "size"): 1}
    assert known.parse(known.text_of(counts)) == counts
    assert known.text_of(counts) == "a.py:size:1\nb.py:words:2\n"


def test_smaller_known_count_wins_after_a_merge_of_two_branches():
    assert known.parse("a.py:words:3\na.py:words:2\na.py:words:4\n") == {("a.py", "words"): 2}


def test_known_count_may_fall_or_move_to_another_file_but_not_rise():
    before = {("a.py", "words"): 2}
    assert known.lowered([finding()], before) == {("a.py", "words"): 1}
    assert known.lowered([finding("b.py"), finding("b.py")], before) == {("b.py", "words"): 2}
    with pytest.raises(known.RaisedError, match="words: 3, not 2"):
        known.lowered([finding(), finding("b.py"), finding("c.py")], before)


@pytest.fixture
def root(tmp_path):
    """A repository of one file."""
    (tmp_path / "infra/house").mkdir(parents=True)
    (tmp_path / known.FILE).write_text("")
    (tmp_path / "chalicelib").mkdir()
    (tmp_path / "chalicelib/nodes.py").write_text("import time\n# For nobody.\nnow = time.time()\n")
    return tmp_path


def test_findings_are_printed_with_exit_code_1(root, capsys):
    assert __main__.main([], root, ()) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition("] ")[0] for line in lines] == [
        "chalicelib/nodes.py:2: [words",
        "chalicelib/nodes.py:3: [clock",
    ]


def test_known_findings_pass_and_must_be_lowered_when_mended(root, capsys):
    (root / known.FILE).write_text("chalicelib/nodes.py:clock:1\nchalicelib/nodes.py:words:1\n")
    assert __main__.main([], root, ()) == 0
    (root / "chalicelib/nodes.py").write_text("import time\nnow = time.time()\n")
    assert __main__.main([], root, ()) == 1
    assert "lower the count" in capsys.readouterr().out
    assert __main__.main(["known"], root, ()) == 0
    assert (root / known.FILE).read_text() == "chalicelib/nodes.py:clock:1\n"
    assert __main__.main([], root, ()) == 0


def test_known_counts_are_not_raised_by_the_command_line(root, capsys):
    assert __main__.main(["known"], root, ()) == 1
    assert "clock: 1, not 0" in capsys.readouterr().err
    assert (root / known.FILE).read_text() == ""


def test_unknown_argument_is_refused_with_the_usage(root, capsys):
    assert __main__.main(["everything"], root, ()) == 2
    assert "usage" in capsys.readouterr().err


def test_exempt_finding_is_not_printed(root, capsys):
    exempt = [Exempt("clock", "chalicelib/nodes.py", "a reason"), Exempt("words", "chalicelib/nodes.py", "a reason")]
    assert __main__.main([], root, exempt) == 0
    assert capsys.readouterr().out == ""


def test_openapi_argument_checks_documents_only(root, capsys):
    (root / "chalicelib/openapi.json").write_text('{"openapi": "3.0.3", "paths": {"/a": {"get": {"summary": "Read"}}}}')
    assert __main__.main(["openapi"], root, ()) == 1
    assert capsys.readouterr().out.startswith("chalicelib/openapi.json:1: [api-operation] GET /a has no description")
