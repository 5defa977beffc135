"""Outputs and names of machines on a terminal, in a file, in a pipe."""

import io
import sys

import pytest
from edgectl.main import main
from edgectl.output import Format, show_one, show_rows
from edgectl.writing import Writer, visible

ESCAPE = "\x1b]0;owned\x07\x9b2J"


class Out(io.TextIOWrapper):
    """Standard output: a terminal, or a file."""

    def __init__(self, *, is_terminal, encoding="utf-8"):
        self.written = io.BytesIO()
        self.is_terminal = is_terminal
        super().__init__(self.written, encoding=encoding, newline="", write_through=True)

    def isatty(self):
        return self.is_terminal


@pytest.fixture
def out(monkeypatch):
    def replaced(**how):
        found = Out(**how)
        monkeypatch.setattr(sys, "stdout", found)
        return found.written

    return replaced


@pytest.mark.parametrize("pieces", [[b"\x1b[31mred\xff\r\n\x00"], ["\x1b[31m", "no line break"], [b"\xc3", b"\xbc"]])
@pytest.mark.parametrize(("is_terminal", "raw"), [(False, False), (True, True)])
def test_output_is_written_byte_for_byte_unless_a_terminal_shows_it(out, pieces, is_terminal, raw):
    written = out(is_terminal=is_terminal)
    writer = Writer(raw=raw)
    for piece in pieces:
        writer.write(piece)
    assert written.getvalue() == b"".join(piece.encode() if isinstance(piece, str) else piece for piece in pieces)


def test_output_on_a_terminal_shows_control_characters_and_does_not_send_them(out):
    written = out(is_terminal=True)
    writer = Writer()
    for piece in (f"a\tb{ESCAPE}\r\n", b"\xc3", b"\xbc\xff"):
        writer.write(piece)
    writer.end()
    assert written.getvalue().decode() == "a\tb\\u001b]0;owned\\u0007\\u009b2J\nü\ufffd\n"


def test_output_after_one_without_a_line_break_begins_a_line(out):
    written = out(is_terminal=False)
    writer = Writer()
    for text in ("one", "two\n", "three"):
        writer.separate()
        writer.write(text)
        writer.end()
    assert written.getvalue() == b"one\ntwo\nthree"


@pytest.mark.parametrize("form", [Format.TABLE, Format.JSON, Format.JSONL, Format.YAML, Format.CSV])
def test_name_of_a_machine_sends_nothing_to_a_terminal(out, form):
    written = out(is_terminal=True)
    show_rows([{"hostname": ESCAPE}], ["hostname"], form, None)
    show_one({"hostname": ESCAPE}, form)
    assert not {"\x07", "\x9b", "\x1b]"} & set(written.getvalue().decode())


def test_text_that_turns_its_direction_is_visible():
    assert visible("exe\u202etxt") == "exe\\u202etxt"


def test_csv_in_a_file_has_the_values_as_they_are(out):
    written = out(is_terminal=False)
    show_rows([{"hostname": "a\x1bb"}], ["hostname"], Format.CSV, None)
    assert written.getvalue() == b"hostname\r\na\x1bb\r\n"


def test_character_that_the_terminal_does_not_have_ends_nothing(out):
    written = out(is_terminal=False, encoding="ascii")
    main(["version"])
    show_one({"hostname": "ü"}, Format.JSONL)
    Writer().write("ü")
    assert written.getvalue().endswith(b'"\\xfc"}\n\xc3\xbc')


def test_output_for_a_program_that_takes_texts_is_the_text(monkeypatch):
    taken = io.StringIO()
    monkeypatch.setattr(sys, "stdout", taken)
    writer = Writer()
    for piece in ("a\x1b", b"\xc3", b"\xbc"):
        writer.write(piece)
    assert taken.getvalue() == "a\x1bü"
