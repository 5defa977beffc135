"""The published document: valid, as committed, of all routes, and in line with the contract."""

from collections import Counter
from pathlib import Path

import pytest
from openapi_schema_validator import OAS30Validator
from openapi_spec_validator import OpenAPIV30SpecValidator
from pydantic import ValidationError

from chalicelib.fleet.api import API
from chalicelib.fleet.api.description import EDGE_ADMIN as DESCRIPTION
from chalicelib.fleet.api.protocol import EDGE_ADMIN
from chalicelib.web.endpoint import OPEN, PUBLIC
from chalicelib.web.openapi import document, document_of, document_text, statuses_of
from chalicelib.web.validation import INT32_MAX, Body, Query
from chalicelib.web.validation import Path as PathModel
from tests.support.edge_routes import routes

ROOT = Path(__file__).parents[3]


def things():
    return document(routes.all, EDGE_ADMIN, DESCRIPTION)


@pytest.fixture(scope="module")
def published():
    return document_of(API)


@pytest.mark.parametrize("file", [API.document, ROOT / "docs" / "openapi.json"], ids=["packaged", "docs"])
def test_committed_document_equals_the_generated_one(file):
    assert file.read_text(encoding="utf-8") == document_text(API), "run: python -m chalicelib.web.openapi"


def test_published_document_is_valid_openapi(published):
    assert [error.message for error in OpenAPIV30SpecValidator(published).iter_errors()] == []


def test_document_has_every_operation_under_a_unique_name(published):
    operations = [operation for methods in published["paths"].values() for operation in methods.values()]
    assert len(operations) == len([endpoint for endpoint in API.endpoints() if endpoint.documented])
    names = Counter(operation["operationId"] for operation in operations)
    assert [name for name, count in names.items() if count > 1] == []
    assert {tag["name"] for tag in published["tags"]} == {operation["tags"][0] for operation in operations}


def _request_models(base):
    for model in base.__subclasses__():
        yield from _request_models(model)
        if model.__module__.startswith("chalicelib."):
            yield model


@pytest.mark.parametrize("base", [Body, Query, PathModel])
def test_request_integers_beyond_32_bits_are_refused(base):
    taken = []
    for model in _request_models(base):
        for name in _integers(model):
            if f"{model.__name__}.{name}" in LARGE:
                continue
            with pytest.raises(ValidationError) as raised:
                model.model_validate({name: 2**31, "not a field": 1})
            if (name,) not in [error["loc"] for error in raised.value.errors()]:
                taken.append(f"{model.__name__}.{name}")
    assert taken == []


LARGE = {"LinkCreate.size_bytes", "UploadLinkCreate.size_bytes"}
"""Numbers with a bound of their own: an object at S3 has up to 5 GiB."""


def _integers(model):
    for name, schema in model.model_json_schema().get("properties", {}).items():
        if "integer" in [branch.get("type") for branch in [schema, *schema.get("anyOf", [])]]:
            yield name


def test_document_parameters_have_the_names_of_the_contract():
    operation = things()["paths"]["/things/{id}"]["post"]
    assert [(parameter["name"], parameter["in"], parameter["required"]) for parameter in operation["parameters"]] == [
        ("id", "path", True),
        ("page", "query", False),
        ("name", "query", False),
        ("Idempotency-Key", "header", False),
    ]
    assert operation["parameters"][1]["schema"] == {"type": "integer", "minimum": 1, "maximum": INT32_MAX, "default": 1}


def test_common_statuses_are_declared_for_each_operation():
    by_name = {endpoint.view.__name__: statuses_of(endpoint) for endpoint in routes.all}
    assert by_name["make_thing"] == {201, 400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503}
    assert by_name["anyone"] == {201, 400, 413, 415, 429, 500, 503}
    assert by_name["drop_named"] == {204, 400, 401, 403, 404, 429, 500, 503}


def test_operation_security_scheme_follows_its_audience():
    operations = things()["paths"]
    assert operations["/things"]["get"]["security"] == [{"operatorKey": []}]
    assert operations["/metrics"]["get"]["security"] == [{"metricsKey": []}]
    assert operations["/agent/result"]["post"]["security"] == [{"nodeToken": []}]
    assert operations["/public"]["post"]["security"] == []


def test_list_response_schema_has_pagination():
    schema = things()["paths"]["/things"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert schema["properties"] == {
        "data": {
            "type": "array",
            "items": {"$ref": "#/components/schemas/ThingOut"},
            "description": "The items of the page.",
        },
        "meta": {"$ref": "#/components/schemas/PaginatedMeta"},
    }


def test_open_routes_are_only_the_known_ones():
    opened = {endpoint.route for endpoint in API.endpoints() if endpoint.auth in (PUBLIC, OPEN)}
    assert opened <= {
        "/api/v1/admins/me/discovery",
        "/livez",
        "/ping",
        "/healthz",
        "/readyz",
        "/api/openapi",
        "/api/asyncapi",
        "/.well-known/edge",
        "/",
        "/swaggerui",
        "/redoc",
        "/asyncdoc",
        "/assets/scripts/{asset_name}",
        "/assets/styles/{asset_name}",
        "/agent/install.sh",
        "/api/v1/agents/bundle",  # looks at its bearer itself
        "/api/v1/agents/nodes",
        "/api/v1/agents/enrollment_keys/verify",
        "/api/v1/clusters/default/enrollment_keys/public",
    }


def test_document_contains_no_internal_words_and_explains_its_tags(published):
    """Nothing of the code's own language, and nothing unexplained."""
    text = document_text(API)
    assert [word for word in ("``", "chalicelib", "pydantic", "DynamoDB", "Lambda") if word in text] == []
    operations = [operation for methods in published["paths"].values() for operation in methods.values()]
    assert [operation["operationId"] for operation in operations if not operation["summary"][:1].isupper()] == []
    assert [tag["name"] for tag in published["tags"] if not tag.get("description")] == []


def test_request_examples_are_accepted_by_their_models(published):
    bodies = {endpoint.view.__name__: endpoint.body for endpoint in API.endpoints() if endpoint.has_body}
    taken = 0
    for operation in _operations(published):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        if "example" in content:
            bodies[operation["operationId"]].model_validate(content["example"])
            taken += 1
    assert taken >= 5


def test_response_examples_fit_their_schemas(published):
    wrong, checked = [], 0
    for operation in _operations(published):
        for status, response in operation["responses"].items():
            for content in response.get("content", {}).values():
                checker = OAS30Validator({"allOf": [content["schema"]], "components": published["components"]})
                shown = [published["components"]["examples"][name]["value"] for name in content.get("examples", ())]
                shown += [content["example"]] if "example" in content else []
                checked += len(shown)
                errors = [error.message for each in shown for error in checker.iter_errors(each)]
                wrong += [f"{operation['operationId']} {status}: {error}" for error in errors]
    assert wrong == []
    assert checked > 500


def test_error_response_has_an_example(published):
    without = [
        f"{operation['operationId']} {status}"
        for operation in _operations(published)
        for status, response in operation["responses"].items()
        if status >= "400" and not response["content"]["application/json"]["examples"]
    ]
    assert without == []


def _operations(published):
    return [operation for methods in published["paths"].values() for operation in methods.values()]


def test_non_null_field_is_not_shown_as_nullable(published):
    targeting = published["components"]["schemas"]["TargetingIn"]["properties"]
    assert targeting["node_filters"]["allOf"] == [{"$ref": "#/components/schemas/NodeFilters"}]
    assert "nullable" not in targeting["node_filters"]
    filters = published["components"]["schemas"]["NodeFilters"]["properties"]
    assert [name for name, schema in filters.items() if schema.get("nullable")] == []
