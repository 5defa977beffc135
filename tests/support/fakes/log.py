"""The sink of a log in tests."""

import json
from typing import Any


class Lines:
    """A log that is kept."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def write(self, text: str) -> None:
        self.texts.append(text)

    def flush(self) -> None:
        return

    @property
    def records(self) -> list[dict[str, Any]]:
        """The lines, read."""
        return [json.loads(text) for text in self.texts]
