"""A server of files elsewhere, as HTTP has it: parts of files, marks of their state, redirects."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from chalicelib.kit.outbound import Answer, Call

HOST = "images.example"
URL = f"https://{HOST}/web-base.raw"

_RANGE = re.compile(r"bytes=(\d+)-(\d+)")


@dataclass
class FileServer:
    """Has one file at every path. ``headers`` say what state it is in; ``odd`` answers in its place where it returns an
    answer."""

    content: bytes
    headers: dict[str, str] = field(default_factory=lambda: {"etag": '"1"'})
    odd: Callable[[Call], Answer | None] = lambda _call: None
    asked: list[str] = field(default_factory=list)

    def answer(self, call: Call) -> Answer:
        self.asked.append(call.headers["range"])
        instead = self.odd(call)
        if instead is not None:
            return instead
        found = _RANGE.fullmatch(call.headers["range"])
        assert found is not None
        first, last, size = int(found[1]), min(int(found[2]), len(self.content) - 1), len(self.content)
        if first >= size:
            return Answer(416, headers={"content-range": f"bytes */{size}"})
        body = self.content[first : last + 1][: call.answer_bytes]
        told = {**self.headers, "content-range": f"bytes {first}-{last}/{size}"}
        return Answer(206, body, told, is_whole=len(body) == last + 1 - first)
