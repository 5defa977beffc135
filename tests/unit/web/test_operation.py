"""An operation reads its models from its view, and shows short names of path variables."""

from typing import Any

import pytest

from chalicelib.web.endpoint import PUBLIC, Endpoints, NoContent, Request
from chalicelib.web.operation import Endpoint
from chalicelib.web.validation import Body, NoBody, NoPath, NoQuery, Path, Query


class ThingPath(Path):
    thing_id: str


class ThingQuery(Query):
    name: str


class ThingBody(Body):
    size: int


def view(request: Request[ThingPath, ThingQuery, ThingBody], services: Any) -> NoContent:
    raise NotImplementedError


def bare(request: Request[NoPath, NoQuery, NoBody], services: Any) -> NoContent:
    raise NotImplementedError


def declared(of: Any, route: str = "/things/{thing_id}") -> Endpoint:
    endpoints = Endpoints(tag="Things")
    endpoints.post(route, auth=PUBLIC, summary="Make a thing")(of)
    return endpoints.all[0]


def test_endpoint_has_the_models_of_its_view():
    endpoint = declared(view)
    assert (endpoint.path, endpoint.query, endpoint.body) == (ThingPath, ThingQuery, ThingBody)
    assert endpoint.has_body
    assert not declared(bare).has_body


@pytest.mark.parametrize("annotation", [None, list[int], Request, "Request[NoPath, NoQuery, NoBody]"], ids=str)
def test_view_without_request_annotation_cannot_be_declared(annotation):
    def wrong(request: object, services: object) -> None:
        return None

    wrong.__annotations__["request"] = annotation
    with pytest.raises(TypeError, match=r"wrong: its first argument is a Request\[\.\.\.\], not "):
        declared(wrong)


@pytest.mark.parametrize(
    ("route", "shown"),
    [
        ("/nodes", "/nodes"),
        ("/nodes/{node_id}", "/nodes/{id}"),
        ("/clusters/{cluster_name}", "/clusters/{name}"),
        ("/nodes/{node_id}/change_cluster", "/nodes/{id}/change_cluster"),
        ("/nodes/{node_id}/aliases", "/nodes/{node_id}/aliases"),
        ("/nodes/{node_id}/metrics/host", "/nodes/{node_id}/metrics/host"),
        ("/webhooks/{webhook_id}/deliveries/{delivery_id}", "/webhooks/{webhook_id}/deliveries/{delivery_id}"),
        ("/instances/{id}/stop", "/instances/{id}/stop"),
    ],
)
def test_document_shows_short_name_of_variable_unless_a_collection_is_below_it(route, shown):
    assert declared(bare, route).shown_path == shown
