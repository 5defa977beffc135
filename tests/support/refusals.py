"""The errors of rules, to compare an answer with."""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.kit.errors import EdgeError


def refusal(check: Callable[..., Any], *arguments: Any) -> EdgeError:
    """The `EdgeError` that a call raises; the test fails if it raises none."""
    with pytest.raises(EdgeError) as caught:
        check(*arguments)
    return caught.value
