import pytest

from chalicelib.kit.cursors import StepCursor


@pytest.mark.parametrize(
    ("text", "cursor"),
    [(None, StepCursor()), ("0/", StepCursor()), ("2/", StepCursor(2)), ("2/1/a", StepCursor(2, "1/a"))],
)
def test_step_cursor_text_is_a_step_number_and_an_inner_cursor(text, cursor):
    assert StepCursor.parse(text) == cursor
    assert StepCursor.parse(cursor.text()) == cursor


def test_step_cursor_accepts_another_separator():
    assert StepCursor.parse("3#a/b", "#") == StepCursor(3, "a/b")
    assert StepCursor(3, "a/b").text("#") == "3#a/b"


def test_step_cursor_without_a_next_cursor_moves_to_the_next_step():
    assert StepCursor(1, "a").after("b") == StepCursor(1, "b")
    assert StepCursor(1, "a").after(None) == StepCursor(2)


def test_step_cursor_text_without_a_number_is_refused():
    with pytest.raises(ValueError, match="invalid literal"):
        StepCursor.parse("x/")
