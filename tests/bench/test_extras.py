"""Access adds to an operation what the table says."""

import pytest

from tests.bench.extras import EXTRAS
from tests.bench.identity import IDENTITY


@pytest.mark.parametrize("extra", [*EXTRAS, *IDENTITY], ids=str)
def test_access_adds_to_an_operation_as_declared(extra):
    calls = extra.ask()

    units = (sum(call.read_units for call in calls), sum(call.write_units for call in calls))
    assert (len(calls), *units) == (extra.calls, extra.read_units, extra.write_units)
