"""A pytest plugin (``-p tests.contract.recording``): notes each operation and status that the tests' client was
answered, and whether the answer fits its document among `tests.contract.conformance.sources`.

Every process of the run writes a file of its own, so that pytest-xdist's workers do not meet.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from openapi_schema_validator import OAS30Validator, OAS31Validator

from chalicelib.web.endpoint import Endpoint
from tests.contract.conformance import FIRST, HIDDEN, RECORDS, Source, named, sources
from tests.support.client import OBSERVERS, HttpAnswer

CHECKED = 50
"""Answers of one operation and status that are held to the schema; generated tests give thousands."""


Operations = Mapping[str, tuple[Any, Any]]
"""The operations of a document and the document, by method and path."""

_FIRST_ERROR = 400


class Recorder:
    """Operation, with its revision in front where there are several, -> status -> errors."""

    def __init__(self, documented: Sequence[Source]) -> None:
        self.seen: dict[str, dict[str, list[str]]] = {}
        # A route of every host stands in several documents: the first one counts.
        self._operations: dict[str, dict[str, tuple[Any, Any]]] = {}
        for source in reversed(documented):
            operations = self._operations.setdefault(source.revision, {})
            operations |= {name: (operation, source.document) for name, operation in source.operations()}
        self._checked: dict[tuple[str, str], int] = {}
        self._validators: dict[tuple[str, str], Any] = {}

    def note(self, endpoint: Endpoint, answer: HttpAnswer, revision: str = "") -> None:
        """Note an answer for each document that it counts for: where an operation differs in its revisions, a success
        counts for that of the request only, the first if it names none."""
        for documented, operations in self._operations.items():
            differs = bool(endpoint.revised) and answer.status < _FIRST_ERROR
            if not differs or documented in {revision, ""} or (documented == FIRST and not revision):
                self._note(named(documented, f"{endpoint.method} {endpoint.shown_path}"), operations, endpoint, answer)

    def _note(self, name: str, operations: Operations, endpoint: Endpoint, answer: HttpAnswer) -> None:
        status = str(answer.status)
        errors = self.seen.setdefault(name, {}).setdefault(status, [])
        count = self._checked[name, status] = self._checked.get((name, status), 0) + 1
        operation, document = operations.get(f"{endpoint.method} {endpoint.shown_path}", ({}, {}))
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
