"""The routes for probes and readers."""

import json
import tomllib
from pathlib import Path
from threading import Event

import pytest

from chalicelib.fleet.api import API, health
from chalicelib.web.api import LOCAL_URL
from chalicelib.web.checks import CHECKED_FOR, run_checks
from chalicelib.web.results import HealthCheck
from chalicelib.web.version import VERSION
from tests.support.client import Client, edge_services, settings


class BrokenError(Exception):
    pass


def broken():
    raise BrokenError("s3cret place")


def client(**attributes):
    return Client([health.routes], edge_services(**attributes), key=None)


@pytest.mark.parametrize("path", ["/livez", "/ping"])
def test_liveness_is_200_even_if_a_check_fails(path):
    answer = client(checks=[HealthCheck("Database", broken)]).get(path)
    assert (answer.status, answer.json) == (200, {"status": "ok", "version": VERSION})


def test_shown_version_is_that_of_the_project():
    project = tomllib.loads(Path(__file__).parents[3].joinpath("pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["version"] == VERSION


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_readiness_is_200_when_every_check_passes(path):
    services = edge_services()

    def slow():
        services.platform.clock.advance(0.0025)

    services.checks = [HealthCheck("Database", slow), HealthCheck("Queues", lambda: "any result")]
    answer = Client([health.routes], services, key=None).get(path)
    assert answer.status == 200
    assert [(result["name"], result["healthy"], result["error"]) for result in answer.json] == [
        ("Database", True, None),
        ("Queues", True, None),
    ]
    assert answer.json[0]["time"] == 2500


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_failing_check_is_503_and_shows_only_the_error_type(path):
    services = edge_services(checks=[HealthCheck("Database", broken), HealthCheck("Queues", lambda: None)])
    answer = Client([health.routes], services, key=None).get(path)
    assert answer.status == 503
    assert [(result["healthy"], result["error"]) for result in answer.json] == [(False, "BrokenError"), (True, None)]
    assert "s3cret" not in answer.text
    failures = [record for record in services.lines.records if record["event"] == "health_check_failed"]
    assert [(failure["check"], failure["error"]) for failure in failures] == [("Database", "s3cret place")]


@pytest.mark.parametrize("is_well", [True, False])
def test_health_checks_run_every_few_seconds_at_any_request_rate(is_well):
    made = []

    def check():
        made.append(1)
        if not is_well:
            broken()

    services = edge_services(checks=[HealthCheck("Database", check)])
    caller = Client([health.routes], services, key=None)
    statuses = {caller.get(path).status for path in ("/healthz", "/readyz") * 20}
    assert (len(made), statuses) == (1, {200 if is_well else 503})

    services.platform.clock.advance(CHECKED_FOR.total_seconds())
    caller.get("/healthz")
    assert len(made) == 2


def test_health_check_results_are_kept_per_container():
    well, ill = (edge_services(checks=[HealthCheck("Database", each)]) for each in (lambda: None, broken))
    assert [Client([health.routes], one, key=None).get("/healthz").status for one in (well, ill)] == [200, 503]


def test_health_check_that_does_not_end_has_failed():
    release = Event()
    services = edge_services(checks=[HealthCheck("Database", release.wait), HealthCheck("Queues", lambda: None)])
    try:
        results = run_checks(services, limit_seconds=0.05)
    finally:
        release.set()
    assert [(result.healthy, result.error) for result in results] == [(False, "TimeoutError"), (True, None)]


def test_api_document_is_served_as_packaged():
    answer = client().get("/api/openapi")
    assert answer.status == 200
    assert answer.text == API.document.read_text(encoding="utf-8")
    assert json.loads(answer.text)["openapi"].startswith("3.0")


def test_api_document_can_be_disabled():
    answer = client(settings=settings(api_docs_enabled=False)).get("/api/openapi")
    assert (answer.status, answer.error["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["/livez", "/ping", "/healthz", "/readyz", "/api/openapi"])
def test_health_routes_answer_head_with_the_status(path):
    answer = client().request("HEAD", path)
    assert (answer.status, answer.text) == (200, "")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_head_request_with_a_failing_check_is_503(path):
    answer = client(checks=[HealthCheck("Database", broken)]).request("HEAD", path)
    assert (answer.status, answer.text) == (503, "")


class TestDocument:
    def test_api_document_names_this_installation(self):
        here = client(settings=settings(public_url="https://edge.example/api")).get("/api/openapi").json
        assert [server["url"] for server in here["servers"]] == ["https://edge.example/api"]
        assert [server["url"] for server in client().get("/api/openapi").json["servers"]] == [LOCAL_URL]

    def test_api_document_is_cacheable_and_has_an_etag(self):
        first = client().get("/api/openapi")
        assert first.headers["cache-control"] == "public, max-age=300"
        tag = first.headers["etag"]
        for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            again = client().get("/api/openapi", headers={"If-None-Match": known})
            assert (again.status, again.text, again.headers["etag"]) == (304, "", tag)
            assert again.headers["cache-control"] == "public, max-age=300"
            assert "content-type" not in again.headers
        for other in ('"other"', tag.strip('"'), ""):
            assert client().get("/api/openapi", headers={"If-None-Match": other}).status == 200

    def test_health_response_has_no_etag(self):
        answer = client().get("/livez", headers={"If-None-Match": "*"})
        assert (answer.status, answer.headers.get("etag")) == (200, None)
