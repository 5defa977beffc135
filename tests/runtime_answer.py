"""A function's answer as Lambda's runtime client sends it, and the limit that Lambda holds it to."""

import json
import sys
from typing import Any

MOST_BYTES = 6_291_556
"""Lambda quotas: an answer of a synchronous invocation."""


ASCII_ONLY = sys.version_info < (3, 12)
"""Whether the runtime client of this Python writes ASCII only; from 3.12 on it writes UTF-8."""


def sent_bytes(answer: Any) -> int:
    """The bytes that AWS's runtime client makes of it. Its encoder escapes two line separators also in UTF-8."""
    text = json.dumps(answer, ensure_ascii=ASCII_ONLY)
    return len(text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").encode())


def check_sendable(answer: Any) -> None:
    """Raises AssertionError for an answer that Lambda would drop."""
    size = sent_bytes(answer)
    assert size <= MOST_BYTES, f"Lambda would drop this answer: {size} bytes"
