import pytest

from chalicelib.kit.cursors import StepCursor


@pytest.mark.parametrize(
    ("text", "cursor"),
    [(None, StepCursor()), ("0/", StepCursor()), ("2/", StepCursor(2)), ("2/1/a", StepCursor(2, "1/a"))],
)
def test_a_cursor_is_the_number_of_a_step_and_a_cursor_within(text, cursor):
    assert StepCursor.parse(text) == cursor
    assert StepCursor.parse(cursor.text()) == cursor


def test_a_separator_may_be_chosen():
    assert StepCursor.parse("3#a/b", "#") == StepCursor(3, "a/b")
    assert StepCursor(3, "a/b").text("#") == "3#a/b"


def test_a_step_that_has_ended_leads_to_the_start_of_the_next():
    assert StepCursor(1, "a").after("b") == StepCursor(1, "b")
    assert StepCursor(1, "a").after(None) == StepCursor(2)


def test_text_that_begins_with_no_number_is_refused():
    with pytest.raises(ValueError, match="invalid literal"):
        StepCursor.parse("x/")
