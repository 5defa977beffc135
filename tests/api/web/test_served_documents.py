"""What a client is told of an installation's APIs: the list of them on every host, and each API's document."""

import json

import pytest

from chalicelib import families
from chalicelib.fleet.api import API
from chalicelib.machines.api import APIS
from chalicelib.web import dispatch
from chalicelib.web.application import Application
from chalicelib.web.dispatch import ON_EVERY_HOST
from tests.support.client import Client, edge_services, settings

WELL_KNOWN = "/.well-known/edge"
OF_MACHINES = "https://machines.example.com"


def client(api=API, **values):
    return Client(api.groups(), edge_services(settings=settings(**values)), api=api, key=None)


def listed(answer):
    return {family["name"]: family for family in answer.json["families"]}


class TestListOfApis:
    def test_every_family_declares_it_for_its_host(self):
        for name in families.NAMES:
            routes = {endpoint.route for api in families.apis_of(name) for endpoint in api.endpoints()}
            assert routes >= ON_EVERY_HOST, name

    def test_host_tells_its_own_address_and_those_that_the_setting_names(self):
        here = client(public_url="https://edge.example.com/api", family_urls=f"machines={OF_MACHINES}")
        found = listed(here.get(WELL_KNOWN))
        assert list(found) == [family.name for family in families.chosen("")]
        assert found["fleet"]["url"] == "https://edge.example.com/api"
        assert found["fleet"]["apis"][0]["openapi"] == "https://edge.example.com/api/api/openapi"
        assert {api["openapi"] for api in found["machines"]["apis"]} == {
            f"{OF_MACHINES}{api.document_route}" for api in APIS
        }

    def test_family_without_a_known_address_is_listed_with_null(self):
        machines = listed(client(public_url="https://edge.example.com").get(WELL_KNOWN))["machines"]
        assert machines["url"] is None
        assert {api["openapi"] for api in machines["apis"]} == {None}
        assert [api["name"] for api in machines["apis"]] == [api.name for api in APIS]

    def test_host_of_the_machines_tells_that_it_serves_them(self, monkeypatch):
        monkeypatch.setenv(families.SERVED, "machines")
        host = next(api for api in APIS if WELL_KNOWN in {endpoint.route for endpoint in api.endpoints()})
        found = listed(
            client(host, public_url=OF_MACHINES, family_urls="fleet=https://edge.example.com").get(WELL_KNOWN)
        )
        assert (found["machines"]["url"], found["fleet"]["url"]) == (OF_MACHINES, "https://edge.example.com")

    def test_client_that_has_the_list_is_told_that_it_is_unchanged(self):
        assert client().get(WELL_KNOWN, headers={"If-None-Match": "*"}).status == 304

    def test_wrong_pair_in_the_setting_is_refused(self):
        with pytest.raises(ValueError, match="'machines' is not family=URL"):
            settings(family_urls="machines")

    def test_host_of_all_families_answers_it_once(self):
        app = Application("edge-admin-test")
        dispatch.register(app, families.every_api(), lambda _api: edge_services())
        assert set(app.finders[WELL_KNOWN]) == {"GET"}


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
class TestDocumentOfAnApiOfTheMachines:
    def test_is_served_with_the_address_of_the_installation(self, api):
        answer = client(api, public_url=OF_MACHINES).get(api.document_route)
        assert answer.status == 200
        assert answer.json["servers"][0]["url"] == OF_MACHINES
        assert answer.json == {**json.loads(api.document.read_text()), "servers": answer.json["servers"]}

    def test_is_openapi_3_1(self, api):
        assert json.loads(api.document.read_text())["openapi"].startswith("3.1")

    def test_can_be_disabled_and_is_cacheable(self, api):
        assert client(api, api_docs_enabled=False).get(api.document_route).status == 404
        assert client(api).get(api.document_route, headers={"If-None-Match": "*"}).status == 304
