"""The comparison of what providers have with the rows, where a provider does not answer."""

from types import SimpleNamespace

import pytest

from chalicelib.platform.provisioning.model import Tagged
from chalicelib.platform.provisioning.ports import AgainLaterError
from chalicelib.platform.provisioning.strangers import Strangers

NO_ROWS = SimpleNamespace(find_many=lambda _names: [])


def things_of(kind):
    """A thing of each kind but the silent one."""
    if kind == "silent":
        raise AgainLaterError("EC2 did not answer")
    yield Tagged(tenant="t", resource_id="r", external_id=f"{kind}-1")


def test_driver_that_fails_hides_no_stranger_of_another_kind(clock):
    kinds = ("silent", "box", "tin")
    driver_of = lambda kind: SimpleNamespace(tagged=lambda: things_of(kind))  # noqa: E731
    found = Strangers(NO_ROWS, kinds, driver_of, clock).find()
    assert [next(found).thing.external_id for _ in kinds[1:]] == ["box-1", "tin-1"]
    with pytest.raises(AgainLaterError):
        next(found)
