"""An operation reads its models from its view, and shows short names of path variables."""

from typing import Any

import pytest
from pydantic import SecretStr

from chalicelib.platform.access.permissions import KeyRole, Permission
from chalicelib.platform.access.principal import Resource, Scope
from chalicelib.web.audience import Audience
from chalicelib.web.endpoint import PUBLIC, Endpoints, NoContent, Request
from chalicelib.web.exchange import Incoming
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
    endpoints.post(route, auth=PUBLIC, repeats="never called", summary="Make a thing")(of)
    return endpoints.all[0]


def test_endpoint_has_the_models_of_its_view():
    endpoint = declared(view)
    assert (endpoint.path, endpoint.query, endpoint.body) == (ThingPath, ThingQuery, ThingBody)
    assert endpoint.has_body
    assert not declared(bare).has_body


class TokenPath(Path):
    token: SecretStr


def secretive(request: Request[TokenPath, NoQuery, NoBody], services: Any) -> NoContent:
    raise NotImplementedError


def test_secret_of_a_path_is_in_no_log_and_names_nothing_that_a_policy_is_about():
    endpoint = declared(secretive, "/things/{token}")
    sent = Incoming("POST", endpoint.route, {"token": "hidden"}, {}, {}, "")
    assert endpoint.aimed_at(sent).id == ""
    with pytest.raises(TypeError, match="a secret in the path"):
        Endpoints(tag="Things").put("/things/{token}", auth=PUBLIC, summary="Change a thing")(secretive)


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


THINGS = Permission("things:write", KeyRole.ADMIN)
KEYED = Audience(name="keyed", by_permission=True)


class TestAccess:
    def declare(self, method="POST", **options):
        endpoints = Endpoints(tag="Things")
        endpoints.declare(method, "/api/v1/things/{thing_id}", summary="Change a thing", **options)(view)
        return endpoints.all[0]

    @pytest.mark.parametrize("missing", ["permission", "scope", "audit"])
    def test_operation_by_permission_without_one_of_its_fields_is_refused(self, missing):
        options = {"auth": KEYED, "permission": THINGS, "scope": Scope.REACH, "audit": "thing.change"}
        with pytest.raises(TypeError, match=r"needs a (permission|scope|verb)"):
            self.declare(**{name: value for name, value in options.items() if name != missing})

    def test_public_operation_with_a_permission_is_refused(self):
        with pytest.raises(TypeError, match="decides without permission"):
            self.declare(auth=PUBLIC, repeats="never called", permission=THINGS)

    def test_public_post_that_says_nothing_of_repeats_is_refused(self):
        with pytest.raises(TypeError, match="says why it may be repeated"):
            self.declare(auth=PUBLIC)

    def test_delete_that_says_why_it_may_be_repeated_is_refused(self):
        with pytest.raises(TypeError, match="repeatable by its meaning"):
            self.declare("DELETE", auth=PUBLIC, repeats="deleted once")

    def test_post_that_reads_needs_no_verb_and_takes_no_idempotency_key(self):
        made = self.declare(auth=KEYED, permission=THINGS, scope=Scope.REACH, reads=True)
        assert (made.is_read, made.takes_idempotency_key) == (True, False)

    @pytest.mark.parametrize(
        ("method", "more"), [("POST", {"audit": "thing.change"}), ("POST", {"repeats": "reads"}), ("PUT", {})]
    )
    def test_read_by_another_method_or_with_a_verb_is_refused(self, method, more):
        with pytest.raises(TypeError, match=r"only reads|by its meaning|verb"):
            self.declare(method, auth=KEYED, permission=THINGS, scope=Scope.REACH, reads=True, **more)

    @pytest.mark.parametrize(
        ("method", "repeats", "takes"), [("POST", "", True), ("POST", "a search", False), ("PATCH", "", False)]
    )
    def test_post_takes_an_idempotency_key_unless_it_says_why_not(self, method, repeats, takes):
        made = self.declare(
            method, auth=KEYED, permission=THINGS, scope=Scope.REACH, audit="thing.change", repeats=repeats
        )
        assert made.takes_idempotency_key is takes

    def test_resource_is_the_path_below_the_version_with_its_values(self):
        made = self.declare(auth=KEYED, permission=THINGS, scope=Scope.REACH, audit="thing.change")
        incoming = Incoming("POST", made.route, {"thing_id": "7"}, {}, {}, "")
        assert made.resource_of(incoming) == Resource("things/7", Scope.REACH, id="7")

    @pytest.mark.parametrize(("own", "scope"), [({}, Scope.REACH), ({"scope": Scope.INSTALLATION}, Scope.INSTALLATION)])
    def test_operation_has_what_its_module_shares_unless_it_names_its_own(self, own, scope):
        endpoints = Endpoints(tag="Things", auth=KEYED, scope=Scope.REACH)
        endpoints.put("/things", permission=THINGS, audit="thing.change", summary="Change things", **own)(bare)
        assert (endpoints.all[0].auth, endpoints.all[0].scope) == (KEYED, scope)

    def test_operation_without_an_audience_is_refused(self):
        with pytest.raises(TypeError, match="auth"):
            self.declare()
