"""The file in the body of an upload: the field `file` of a form, or the whole body. Pure."""

import re

from chalicelib.kit.errors import EdgeError, invalid

FIELD = "file"

_FORM = re.compile(r"multipart/form-data\s*;(?:.*;)?\s*boundary=(?:\"([^\"]{1,70})\"|([^\s;\"]{1,70}))", re.IGNORECASE)
_NAME = re.compile(rb"content-disposition:\s*form-data\s*;(?:[^\r\n]*;)?\s*name=\"?([^\";\r\n]+)", re.IGNORECASE)


def file_in(content_type: str, body: bytes) -> bytes:
    """The bytes of the file. Raises `EdgeError` (validation failed) for a form without it."""
    if not content_type.lower().startswith("multipart/form-data"):
        return body
    found = _FORM.match(content_type)
    if found is None:
        raise _without_file()
    mark = b"\r\n--" + (found[1] or found[2]).encode()
    for part in (b"\r\n" + body).split(mark)[1:]:
        head, separator, content = part.partition(b"\r\n\r\n")
        named = _NAME.search(head)
        if separator and named is not None and named[1].strip() == FIELD.encode():
            return content
    raise _without_file()


def _without_file() -> EdgeError:
    return invalid(FIELD, "the form has no such field: send the file as it, or as the body itself")
