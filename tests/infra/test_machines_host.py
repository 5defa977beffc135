"""The host of the machines' APIs, as it is packaged: what API Gateway itself answers and how much it lets in."""

import json
import re
import uuid

import pytest

from chalicelib.machines.api import APIS
from infra.apis import GATEWAY_RESPONSES, OPEN_BURST, OPEN_RATE, open_routes
from infra.deployables import StackKind
from tests.infra.places import EVERY
from tests.support.operations import operations_of

(NAME,) = (name for name, each in EVERY.items() if each.kind is StackKind.FAMILY and each.family.name == "machines")
REQUEST_ID = str(uuid.UUID(int=7))


@pytest.fixture
def rest_api(every_package):
    return every_package[NAME]["Resources"]["RestAPI"]["Properties"]


def filled_in(template):
    """The body as API Gateway makes it of a template."""
    return json.loads(template.replace("$context.requestId", REQUEST_ID))


@pytest.mark.parametrize("kind", [answer for answer, *_ in GATEWAY_RESPONSES])
class TestAnswerOfTheGateway:
    def test_has_the_headers_of_an_error_of_the_compute_api(self, rest_api, kind):
        answer = rest_api["DefinitionBody"]["x-amazon-apigateway-gateway-responses"][kind]
        headers = answer["responseParameters"]
        message = headers["gatewayresponse.header.x-error"]
        assert re.fullmatch(r"'[ -&(-~]+'", message), "a constant stands in single quotes"
        assert headers["gatewayresponse.header.x-error-id"] == "context.requestId"
        body = filled_in(answer["responseTemplates"]["application/json"])
        assert body["error"]["message"] == message.strip("'")

    def test_body_has_what_clients_of_each_of_its_apis_read(self, rest_api, kind):
        answer = rest_api["DefinitionBody"]["x-amazon-apigateway-gateway-responses"][kind]
        body = filled_in(answer["responseTemplates"]["application/json"])
        error = body["error"]
        assert uuid.UUID(error["error_id"]) == uuid.UUID(REQUEST_ID)
        assert error["type"] in {"WARNING", "ERROR"}
        assert re.fullmatch(r"[A-Za-z_]+", error["code"])
        # Of the analytics API.
        assert (body["success"], error["details"]) == (False, {})


def test_open_route_that_changes_something_has_a_throttle_of_its_own(rest_api):
    settings = {
        (each["HttpMethod"], each["ResourcePath"].replace("~1", "/")): each for each in rest_api["MethodSettings"]
    }
    every = settings.pop(("*", "/*"))
    assert every["ThrottlingRateLimit"] == {"Ref": "RoutesRate"}
    assert {(method, path[1:]) for method, path in settings} == set(open_routes(EVERY[NAME]))
    for each in settings.values():
        assert (each["ThrottlingRateLimit"], each["ThrottlingBurstLimit"]) == (OPEN_RATE, OPEN_BURST)


def test_error_of_the_function_has_the_fields_that_the_gateway_has():
    scene = operations_of("machines").scene()
    answer = scene.request("list_templates", key=None)
    assert answer.status == 401
    assert answer.headers["x-error-id"] == answer.json["error"]["error_id"]
    assert answer.headers["x-error"] == answer.json["error"]["message"]


def test_machines_apis_have_paths_of_their_own():
    prefixes = [prefix for api in APIS for prefix in api.prefixes]
    assert len(prefixes) == len(set(prefixes))
    for api in APIS:
        assert api.document_route.startswith(tuple(api.prefixes)), api.name
