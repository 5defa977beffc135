import pytest

from chalicelib.kit.errors import EdgeError, Kind, conflict, not_found
from chalicelib.web.revisions import HEADER, SAME, Revised, chosen

KNOWN = ("first", "second")


class RefusedError(EdgeError):
    pass


@pytest.mark.parametrize(("sent", "revision"), [(None, "first"), ("first", "first"), ("second", "second")])
def test_revision_is_the_one_sent_or_else_the_first(sent, revision):
    assert chosen(sent, KNOWN) == revision


def test_protocol_without_revisions_looks_at_no_header():
    assert chosen("any", ()) == ""


def test_unknown_revision_is_refused_with_the_known_ones():
    with pytest.raises(EdgeError) as caught:
        chosen("third", KNOWN)
    assert caught.value.kind is Kind.BAD_REQUEST
    assert caught.value.details == {HEADER: ["Unknown revision: third. Allowed: first, second"]}


def test_only_errors_of_the_named_classes_are_recast():
    revised = Revised(recast={RefusedError: lambda _: conflict("taken")})
    refused, other = RefusedError(Kind.VALIDATION_FAILED, "no"), not_found()
    assert revised.error(refused).kind is Kind.CONFLICT
    assert (revised.error(other), SAME.error(refused)) == (other, refused)
