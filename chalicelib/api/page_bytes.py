"""Lists whose rows can be large: a page that Lambda could not answer with is refused in words, not by a 502."""

import json

from chalicelib.kit.errors import bad_request

PAGE_BYTES = 4 * 1024 * 1024
"""JSON bytes of the large fields of a page: Lambda's answer ends at 6 MB."""


def json_bytes(text: str | None) -> int:
    """What a text takes in an answer, escapes included."""
    return 0 if text is None else len(json.dumps(text, ensure_ascii=False).encode())


def check_page(size: int) -> None:
    """Raises bad_request that names ``page_size`` when the page is too large."""
    if size > PAGE_BYTES:
        text = f"this page would hold {size} bytes, more than {PAGE_BYTES}: ask for fewer rows"
        raise bad_request({"page_size": [text]})
