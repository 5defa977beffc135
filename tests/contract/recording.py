"""A pytest plugin (``-p tests.contract.recording``): notes each operation and status that the tests' client was
answered, and whether the answer fits its document among `tests.contract.conformance.sources`.

Every process of the run writes a file of its own, so that pytest-xdist's workers do not meet.
"""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from openapi_schema_validator import OAS30Validator, OAS31Validator

from chalicelib.web.endpoint import Endpoint
from tests.contract.conformance import HIDDEN, RECORDS, Source, sources
from tests.support.client import OBSERVERS, HttpAnswer

CHECKED = 50
"""Answers of one operation and status that are held to the schema; generated tests give thousands."""


class Recorder:
    """Operation -> status -> errors."""

    def __init__(self, documented: Sequence[Source]) -> None:
        self.seen: dict[str, dict[str, list[str]]] = {}
        # A route of every host stands in several documents: the first one counts.
        self._operations = {
            name: (operation, source.document)
            for source in reversed(documented)
            for name, operation in source.operations()
        }
        self._checked: dict[tuple[str, str], int] = {}
        self._validators: dict[tuple[str, str], Any] = {}

    def note(self, endpoint: Endpoint, answer: HttpAnswer) -> None:
        name, status = f"{endpoint.method} {endpoint.shown_path}", str(answer.status)
        errors = self.seen.setdefault(name, {}).setdefault(status, [])
        count = self._checked[name, status] = self._checked.get((name, status), 0) + 1
        operation, document = self._operations.get(name, ({}, {}))
        described = operation.get("responses", {}).get(status)
        if described is None or count > CHECKED:
            return
        content = described.get("content", {}).get("application/json")
        if content is not None and not _is_by_cursor(answer):
            if (name, status) not in self._validators:
                kind = OAS31Validator if document.get("openapi", "").startswith("3.1") else OAS30Validator
                whole = {"allOf": [content["schema"]], "components": document["components"]}
                self._validators[name, status] = kind(whole)
            validator = self._validators[name, status]
            errors += [
                f"{error.json_path}: {error.message[:200]}"
                for error in validator.iter_errors(answer.json)
                if error.instance is not None or not HIDDEN.intersection(map(str, error.path))
            ]
        elif answer.text and not described.get("content"):
            errors.append("a body, although none is documented")


def _is_by_cursor(answer: HttpAnswer) -> bool:
    """Whether it is a page that was asked for by cursor, a form that the contract does not have."""
    meta = answer.json.get("meta") if isinstance(answer.json, dict) else None
    return isinstance(meta, dict) and "next_cursor" in meta.get("pagination", {})


def pytest_configure(config: pytest.Config) -> None:
    recorder = Recorder(sources())
    config.stash[_RECORDER] = recorder
    OBSERVERS.append(recorder.note)


def pytest_unconfigure(config: pytest.Config) -> None:
    recorder = config.stash[_RECORDER]
    OBSERVERS.remove(recorder.note)
    process = getattr(config, "workerinput", {"workerid": "main"})["workerid"]
    (RECORDS / f"{process}.json").write_text(json.dumps(recorder.seen), encoding="utf-8")


_RECORDER = pytest.StashKey[Recorder]()
