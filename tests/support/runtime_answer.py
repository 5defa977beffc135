"""A function's answer as Lambda's runtime client sends it, and the limit that Lambda holds it to."""

import json
import sys
from typing import Any

MOST_BYTES = 6_291_556
"""Lambda quotas: an answer of a synchronous invocation."""


ASCII_ONLY = sys.version_info < (3, 12)
"""Whether the runtime client of this Python writes ASCII only; from 3.12 on it writes UTF-8."""


def sent_bytes(answer: Any, *, ascii_only: bool | None = None) -> int:
    """The bytes that AWS's runtime client makes of it. `tests/infra/test_real_zip.py` compares it."""
    return len(json.dumps(answer, ensure_ascii=ASCII_ONLY if ascii_only is None else ascii_only).encode())


def check_sendable(answer: Any) -> None:
    """Raises AssertionError for an answer that Lambda would drop."""
    size = sent_bytes(answer)
    assert size <= MOST_BYTES, f"Lambda would drop this answer: {size} bytes"
