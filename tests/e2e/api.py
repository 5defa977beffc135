"""The API over real HTTP, every answer as it comes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import urllib3

Json = dict[str, Any]

TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def data(self) -> Any:
        return self.json["data"]

    @property
    def code(self) -> str:
        """The error's code."""
        return str(self.json["error"]["code"])


class Api:
    """Requests with a key, or with none for an empty one. Follows no redirect, repeats nothing."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.key = key
        self._pool = urllib3.PoolManager(maxsize=16, retries=False, timeout=TIMEOUT_SECONDS)

    def call(
        self, method: str, path: str, body: object = None, *, raw: bytes | None = None, **headers: str | None
    ) -> Answer:
        """``body`` is sent as JSON, ``raw`` as it is; a header that is None is left out."""
        given = {"authorization": f"Bearer {self.key}" if self.key else None, "content-type": "application/json"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        content = raw if body is None else json.dumps(body).encode()
        answer = self._pool.request(
            method,
            self.url + path,
            body=content,
            headers={name: value for name, value in given.items() if value is not None},
            redirect=False,
        )
        return Answer(answer.status, answer.headers, answer.data.decode())

    def get(self, path: str) -> Answer:
        return self.call("GET", path)

    def items(self, path: str) -> list[Json]:
        """The first 100 rows of a list."""
        joint = "&" if "?" in path else "?"
        answer = self.get(f"{path}{joint}page_size=100")
        assert answer.status == 200, answer.text
        return list(answer.data)

    def close(self) -> None:
        self._pool.clear()
