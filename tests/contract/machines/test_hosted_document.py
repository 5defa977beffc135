"""The API of hosted nodes against the published document: operations, statuses, fields, enumerations."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from chalicelib.machines.api import HOSTED_API
from chalicelib.settings import Settings
from chalicelib.web.openapi import document_of
from tests.contract.machines import hosted_facts as facts

PUBLISHED = "thunderstack-openapi.yaml"


@pytest.fixture(scope="module")
def ours() -> Any:
    return document_of(HOSTED_API)


def operations(document: Any) -> dict[str, Any]:
    """The operations of a document by method and path, with the same name for each variable."""
    found = {}
    for path, methods in document["paths"].items():
        same = path.replace("{node_id}", "{id}").replace("{node}", "{id}")
        found |= {f"{method.upper()} {same}": operation for method, operation in methods.items() if method != "options"}
    return found


def schema_of(operation: Any, document: Any) -> Any:
    """The schema of an operation's success."""
    return resolved(operation["responses"]["200"]["content"]["application/json"]["schema"], document)


def resolved(schema: Any, document: Any) -> Any:
    while "$ref" in schema or len(schema.get("allOf", ())) == 1:
        inner = schema["allOf"][0] if "allOf" in schema else schema
        schema = document["components"]["schemas"][inner["$ref"].rpartition("/")[2]]
    return schema


def types_in(schema: Any, document: Any) -> dict[str, str]:
    properties = {name: resolved(value, document) for name, value in schema["properties"].items()}
    return {name: str(value.get("type", "")) for name, value in properties.items()}


def test_published_operations_are_there_with_their_statuses(ours: Any) -> None:
    known = operations(ours)

    for name, statuses in facts.OPERATIONS.items():
        assert statuses <= {int(status) for status in known[name]["responses"]}, name


def test_node_and_build_have_the_published_fields_and_types(ours: Any) -> None:
    answer = schema_of(operations(ours)["GET /api/nodes/{id}"], ours)
    build = resolved(resolved(answer["properties"]["builds"], ours)["items"], ours)

    assert facts.NODE.items() <= types_in(answer, ours).items()
    assert facts.BUILD.items() <= types_in(build, ours).items()
    assert set(resolved(answer["properties"]["status"], ours)["enum"]) >= facts.STATUSES
    assert set(build["properties"]["buildStatus"]["enum"]) == facts.BUILD_STATUSES


def test_answers_have_the_published_fields(ours: Any) -> None:
    for name, fields in facts.ANSWERS.items():
        assert fields <= set(schema_of(operations(ours)[name], ours)["properties"]), name


def test_bodies_require_what_is_published_and_nothing_else(ours: Any) -> None:
    for name, fields in (("POST /api/nodes", facts.CREATE), ("DELETE /api/nodes", facts.DESTROY)):
        body = operations(ours)[name]["requestBody"]["content"]["application/json"]["schema"]
        assert set(resolved(body, ours)["required"]) == fields


def test_published_networks_are_offered_by_default() -> None:
    assert set(Settings().hosted_networks) >= facts.NETWORKS


def test_facts_are_those_of_the_published_document() -> None:
    """The facts that the tests above use, against the document itself."""
    folder = os.environ.get("EDGE_CONTRACT_DIR", "")
    if not folder:
        pytest.skip("EDGE_CONTRACT_DIR names no folder")
    published = yaml.safe_load((Path(folder) / PUBLISHED).read_text(encoding="utf-8"))
    known, schemas = operations(published), published["components"]["schemas"]

    assert {name: {int(status) for status in each["responses"]} for name, each in known.items()} == facts.OPERATIONS
    assert types_in(schemas["NodeSchema"], published) == facts.NODE
    assert types_in(schemas["NodeSchema"]["properties"]["builds"]["items"], published) == facts.BUILD
    assert set(schemas["NodeSchema"]["properties"]["status"]["enum"]) == facts.STATUSES
    assert set(schemas["CreateNode"]["required"]) == facts.CREATE
    assert set(schemas["CreateNode"]["properties"]["network"]["enum"]) == facts.NETWORKS
    assert set(schemas["DestroyNode"]["required"]) == facts.DESTROY
    for name, fields in facts.ANSWERS.items():
        assert set(schema_of_published(known[name], published)["properties"]) == fields, name


def schema_of_published(operation: Any, document: Any) -> Any:
    """As `schema_of`; the published document writes statuses as numbers."""
    return resolved(operation["responses"][200]["content"]["application/json"]["schema"], document)
