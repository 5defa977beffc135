import pytest
from pydantic import BaseModel

from chalicelib.kit.errors import EdgeError, Kind, conflict, not_found
from chalicelib.kit.listing import ListPage
from chalicelib.web.results import Created, NoContent, Paginated
from chalicelib.web.revisions import HEADER, SAME, Revised, chosen

KNOWN = ("first", "second")


class RefusedError(EdgeError):
    pass


@pytest.mark.parametrize(
    ("sent", "usual", "revision"),
    [
        (None, "", "first"),
        ("first", "", "first"),
        ("second", "", "second"),
        (None, "second", "second"),
        ("first", "second", "first"),
        (None, "of another API", "first"),
    ],
)
def test_revision_is_the_one_sent_or_else_that_of_the_setting_or_else_the_first(sent, usual, revision):
    assert chosen(sent, KNOWN, usual) == revision


def test_protocol_without_revisions_looks_at_neither_header_nor_setting():
    assert chosen("any", (), "first") == ""


class Shown(BaseModel):
    name: str


REVISED = Revised(show=lambda model: Shown(name=model.name.upper()))


def test_every_form_of_an_answer_is_shown_as_the_revision_has_it():
    one, other = Shown(name="a"), Shown(name="A")
    page = ListPage([one], 1, 20, 1)
    assert REVISED.shown(one) == other
    assert REVISED.shown(Created(one, "/here")) == Created(other, "/here")
    assert REVISED.shown(Paginated([one], page)) == Paginated([other], page)
    assert REVISED.shown(NoContent()) == NoContent()
    assert SAME.shown(one) is one


def test_query_is_asked_as_the_revision_has_it():
    assert Revised(ask=str.upper).query("a") == "A"
    assert SAME.query("a") == "a"


def test_unknown_revision_is_refused_with_the_known_ones():
    with pytest.raises(EdgeError) as caught:
        chosen("third", KNOWN, "")
    assert caught.value.kind is Kind.BAD_REQUEST
    assert caught.value.details == {HEADER: ["Unknown revision: third. Allowed: first, second"]}


def test_only_errors_of_the_named_classes_are_recast():
    revised = Revised(recast={RefusedError: lambda _: conflict("taken")})
    refused, other = RefusedError(Kind.VALIDATION_FAILED, "no"), not_found()
    assert revised.error(refused).kind is Kind.CONFLICT
    assert (revised.error(other), SAME.error(refused)) == (other, refused)
