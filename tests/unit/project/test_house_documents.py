"""The linter's rules about published documents."""

import json

import pytest

from infra.house import documents
from infra.house.documents import Document

TEXT = {"type": "string"}


def openapi(**operation) -> Document:
    """A document of one operation, complete but for what is given."""
    name = {"description": "Unique within the cluster.", "type": "string", "maxLength": 5}
    whole = {
        "operationId": "create_node",
        "summary": "Create a node",
        "description": "Refused with 409 if the name is taken.",
        "requestBody": {
            "content": {
                "application/json": {
                    "schema": {"type": "object", "properties": {"name": name}},
                    "example": {"name": "edge1"},
                }
            }
        },
        "responses": {"204": {"description": "Created"}},
    }
    return Document(
        "chalicelib/openapi.json", json.dumps({"openapi": "3.0.3", "paths": {"/nodes": {"post": whole | operation}}})
    )


def body(schema: dict, **media) -> dict:
    return {"content": {"application/json": {"schema": schema, **media}}}


def wrong(find, document: Document) -> list[str]:
    return [each.wrong for each in find(document)]


@pytest.mark.parametrize(
    "find", [documents.find_operations, documents.find_fields, documents.find_shared, documents.find_examples]
)
def test_complete_operation_is_accepted(find):
    assert wrong(find, openapi()) == []


def test_operation_without_summary_or_description_is_refused():
    assert wrong(documents.find_operations, openapi(summary="")) == ["POST /nodes has no summary"]
    assert wrong(documents.find_operations, openapi(description="")) == ["POST /nodes has no description"]


def test_operation_whose_description_repeats_its_name_is_refused():
    assert len(wrong(documents.find_operations, openapi(description="Creates a node."))) == 1


def test_parameter_and_field_without_description_are_refused():
    parameter = openapi(parameters=[{"name": "id", "in": "path", "schema": TEXT}])
    assert wrong(documents.find_fields, parameter) == ["the field id of POST /nodes has no description"]
    field = openapi(requestBody=body({"type": "object", "properties": {"name": TEXT}}))
    assert wrong(documents.find_fields, field) == ["the field name of POST /nodes has no description"]


def test_field_whose_description_repeats_its_name_is_refused():
    field = openapi(requestBody=body({"properties": {"node_name": {**TEXT, "description": "The name of the node"}}}))
    assert len(wrong(documents.find_fields, field)) == 1


def test_field_takes_the_description_of_the_schema_that_it_refers_to():
    document = openapi(requestBody=body({"properties": {"state": {"$ref": "#/components/schemas/State"}}}))
    described = document.json | {"components": {"schemas": {"State": {**TEXT, "description": "Whether it is up."}}}}
    assert wrong(documents.find_fields, Document("a.json", json.dumps(described))) == []


def test_constant_of_a_schema_needs_no_description():
    assert wrong(documents.find_fields, openapi(requestBody=body({"properties": {"kind": {"const": "a"}}}))) == []


def test_description_of_two_different_fields_is_refused():
    said = {**TEXT, "description": "Up to 20 letters"}
    two = openapi(requestBody=body({"properties": {"name": said, "title": said}}))
    assert len(wrong(documents.find_shared, two)) == 1
    other_schema = {"properties": {"name": {**said, "type": "integer"}}}
    assert (
        len(
            wrong(
                documents.find_shared,
                openapi(requestBody=body({"allOf": [{"properties": {"name": said}}, other_schema]})),
            )
        )
        == 1
    )


def test_description_of_the_same_field_in_two_schemas_is_accepted():
    said = {"properties": {"name": {**TEXT, "description": "Up to 20 letters"}}}
    optional = {"properties": {"name": {**TEXT, "description": "Up to 20 letters", "nullable": True}}}
    assert wrong(documents.find_shared, openapi(requestBody=body({"allOf": [said, optional]}))) == []


def test_description_with_a_reason_may_be_shared():
    said = {**TEXT, "description": "Up to 20 letters"}
    two = openapi(requestBody=body({"properties": {"name": said, "title": said}}))
    assert [*documents.find_shared(two, {"Up to 20 letters": "a reason"})] == []


def test_reason_without_shared_description_is_refused():
    [finding] = documents.find_shared(openapi(), {"Gone": "a reason"})
    assert finding.wrong == "no two fields share the description 'Gone' any more"


def test_request_and_success_without_example_are_refused_but_not_an_error():
    assert len(wrong(documents.find_examples, openapi(requestBody=body(TEXT)))) == 1
    assert len(wrong(documents.find_examples, openapi(responses={"200": body(TEXT), "404": body(TEXT)}))) == 1


def test_example_that_does_not_fit_its_schema_is_refused():
    document = openapi(requestBody=body({"type": "object", "properties": {"name": TEXT}}, example={"name": 1}))
    [finding] = documents.find_examples(document)
    assert finding.instead.startswith("name: 1 is not")


def test_each_of_several_examples_is_checked():
    several = {"good": {"value": "a"}, "bad": {"value": 1}}
    assert len(wrong(documents.find_examples, openapi(requestBody=body(TEXT, examples=several)))) == 1


def test_null_is_a_valid_example_of_a_nullable_field():
    assert wrong(documents.find_examples, openapi(requestBody=body({**TEXT, "nullable": True}, example=None))) == []


@pytest.mark.parametrize(("examples", "count"), [([], 1), ([{"payload": "a"}], 0), ([{"payload": 1}], 1)])
def test_event_needs_a_valid_example(examples, count):
    message = {"payload": TEXT, "examples": examples}
    document = {"asyncapi": "3.0.0", "components": {"messages": {"created": message}}}
    assert len(wrong(documents.find_examples, Document("a.json", json.dumps(document)))) == count


def test_finding_names_the_line_of_the_operation():
    document = openapi(summary="")
    spread = Document(document.path, json.dumps(document.json, indent=1))
    [finding] = documents.find_operations(spread)
    assert '"operationId": "create_node"' in spread.text.splitlines()[finding.line - 1]
