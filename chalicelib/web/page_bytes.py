"""Limits the size of answers, counted as Lambda's runtime sends them: the body is JSON text inside JSON. Larger ones
are refused here with an explanation; Lambda would drop them, and API Gateway answer 502.
"""

import json
import sys
from collections.abc import Iterable, Sequence

from chalicelib.kit.errors import EdgeError, Kind, bad_request

LAMBDA_ANSWER_BYTES = 6_291_556
"""The largest answer of a function (Lambda quotas, synchronous invocation: 6 MB)."""

ANSWER_BYTES = 5_500_000
"""Bytes of a body as encoded. The rest of Lambda's limit is kept for headers and status."""

ENCODED_BYTES = 6_000_000
"""Bytes of a body in base64, which no other encoding makes longer. The rest of Lambda's limit is kept as above."""

ROWS_BYTES = 5_400_000
"""Bytes for the rows of a page as encoded. The rest is for what stands around them."""

TEXT_BYTES = 5_000_000
"""Bytes for the long texts of a page as encoded. The rest is for the other fields of its 100 rows."""

ASCII_ONLY = sys.version_info < (3, 12)
"""Whether the runtime escapes what is not ASCII: AWS's runtime client writes UTF-8 from Python 3.12 on."""

_MOST_BYTES_OF_A_CHARACTER = 12
"""Two escapes of six for a character beyond the basic plane, where only ASCII is written."""


def encoded_bytes(body: str) -> int:
    """The bytes of a body in the function's answer."""
    return len(json.dumps(body, ensure_ascii=ASCII_ONLY).encode("utf-8", "surrogatepass"))


def text_bytes(text: str | None) -> int:
    """The bytes of a text as a field of an answer, including the escapes of both JSON texts."""
    return 0 if text is None else encoded_bytes(json.dumps(text, ensure_ascii=False))


def check_answer(body: str) -> None:
    """Raises `EdgeError` (internal server error) for a body that Lambda would not send."""
    if _surely_fits(len(body)):
        return
    size = encoded_bytes(body)
    if size > ANSWER_BYTES:
        raise EdgeError(Kind.INTERNAL, f"The answer would take {size} bytes, more than the {ANSWER_BYTES} that it may")


def check_content(content: bytes | None) -> None:
    """Raises `EdgeError` (internal server error) for bytes that Lambda would not send: they are encoded in base64."""
    size = 0 if content is None else (len(content) + 2) // 3 * 4
    if size > ENCODED_BYTES:
        raise EdgeError(Kind.INTERNAL, f"The answer would take {size} bytes, more than the {ENCODED_BYTES} that it may")


def fitting(rows: Sequence[str], *, may_be_fewer: bool) -> Sequence[str]:
    """The rows of a page, each as JSON text: all of them, or the first that fit where that ``may_be_fewer``.

    Raises `EdgeError` (bad request), naming ``page_size``, if all are required and do not fit.
    """
    if _surely_fits(sum(map(len, rows))):
        return rows
    sizes = [encoded_bytes(row) for row in rows]
    count = _how_many_fit(sizes)
    if count == len(rows) or (may_be_fewer and count):
        return rows[:count]
    text = f"this page would take {sum(sizes)} bytes, more than the {ROWS_BYTES} that it may"
    raise bad_request({"page_size": [f"{text}: ask for fewer rows, such as {max(count, 1)}"]})


def share_of(texts: Sequence[str | None]) -> int | None:
    """The bytes to which each of the texts of a page has to be cut, None where all fit as they are."""
    if _surely_fits(sum(len(text) for text in texts if text)):
        return None
    return None if sum(map(text_bytes, texts)) <= TEXT_BYTES else TEXT_BYTES // len(texts)


def _how_many_fit(sizes: Iterable[int]) -> int:
    total = count = 0
    for size in sizes:
        total += size
        if total > ROWS_BYTES:
            break
        count += 1
    return count


def _surely_fits(characters: int) -> bool:
    """Without counting: so it is for nearly all answers."""
    return characters * _MOST_BYTES_OF_A_CHARACTER <= TEXT_BYTES
