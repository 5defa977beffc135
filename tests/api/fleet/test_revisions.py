"""Which revision of the contract answers: the header, else the setting, else the first; and its document."""

from typing import get_args

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator

from chalicelib.fleet.api import API
from chalicelib.fleet.api.protocol import EDGE_ADMIN
from chalicelib.settings import Settings
from chalicelib.web.openapi import document_of
from tests.support.builders import a_cluster
from tests.support.client import Client
from tests.support.world import World

MAY, AUGUST = EDGE_ADMIN.revisions


def client_of(**settings):
    world = World(**settings)
    a_cluster(world, name="north")
    return Client(API.groups(), world.fleet)


def deleted(client, **headers):
    return client.delete("/api/v1/clusters/north", headers={k.replace("_", "-"): v for k, v in headers.items()}).status


def test_setting_knows_the_revisions_of_the_protocol():
    assert get_args(Settings.model_fields["api_revision"].annotation) == ("", *EDGE_ADMIN.revisions)


@pytest.mark.parametrize(
    ("setting", "header", "status"),
    [("", {}, 204), (MAY, {}, 204), (AUGUST, {}, 202), (AUGUST, {"edge_api_revision": MAY}, 204)],
)
def test_setting_chooses_the_revision_and_the_header_overrides_it(setting, header, status):
    assert deleted(client_of(api_revision=setting), **header) == status


def test_page_of_an_allowed_origin_may_name_the_revision():
    origin = "https://pages.example"
    answer = client_of(cors_allowed_origins=origin).request(
        "OPTIONS", "/api/v1/clusters/north", headers={"origin": origin, "access-control-request-method": "DELETE"}
    )
    assert "edge-api-revision" in answer.headers["access-control-allow-headers"].split(", ")


@pytest.mark.parametrize("revision", EDGE_ADMIN.revisions)
class TestDocument:
    def test_document_of_a_revision_is_that_of_its_operations(self, revision):
        served = client_of(public_url="").get(f"/api/openapi?revision={revision}")
        assert served.status == 200
        assert served.json == document_of(API, revision)
        assert [error.message for error in OpenAPIV30SpecValidator(served.json).iter_errors()] == []

    def test_operations_that_differ_take_no_other_revision(self, revision):
        found = [
            parameter
            for methods in document_of(API, revision)["paths"].values()
            for operation in methods.values()
            for parameter in operation["parameters"]
            if parameter["name"] == "Edge-Api-Revision"
        ]
        assert len(found) >= 2
        assert {(tuple(one["schema"]["enum"]), one["required"]) for one in found} == {((revision,), revision != MAY)}


def test_documents_have_the_statuses_of_their_revision():
    statuses = {
        revision: set(document_of(API, revision)["paths"]["/api/v1/clusters/{name}"]["delete"]["responses"])
        for revision in ("", MAY, AUGUST)
    }
    assert statuses[MAY] - statuses[AUGUST] == {"204"}
    assert statuses[AUGUST] - statuses[MAY] == {"202"}
    assert statuses[""] == statuses[MAY] | statuses[AUGUST]


def test_unknown_revision_has_no_document():
    answer = client_of().get("/api/openapi?revision=2026-01-01")
    assert (answer.status, list(answer.error["details"])) == (400, ["revision"])
