import os

import pytest

from chalicelib.families import family
from chalicelib.fleet.api.operator import event_types, webhook_deliveries, webhooks
from chalicelib.kit.listing import filter_names
from chalicelib.kit.outbound import Answer
from chalicelib.kit.outbound.target import HAS_FRAGMENT, HAS_USERINFO, NOT_ABSOLUTE
from chalicelib.kit.tasks import TABLE as TASKS
from chalicelib.platform.webhooks.store import DELIVERIES, DELIVERY_FIELDS, FIELDS, WEBHOOKS
from chalicelib.web.list_query import PAGING
from chalicelib.web.validation import NOT_A_UUID
from tests.support.client import Client
from tests.support.declared import FAMILIES
from tests.support.published import OPENAPI, published
from tests.support.world import World

ABSENT = "01936d2c-0000-7000-8000-0123456789ab"
HOOKS = "/api/v1/webhooks"
SECRET = "a-cryptographically-random-32-byte-secret"
NEW_SECRET = "another-cryptographically-random-secret!"
TOKEN = "Bearer private-header-token"
REGISTERED = "edge.node.registered"


@pytest.fixture
def world():
    return World()


@pytest.fixture
def client(world):
    return Client([webhooks.routes, webhook_deliveries.routes, event_types.routes], world.fleet)


def body(**fields):
    return {"url": "https://hooks.example/a", "secret": SECRET, "subscribed_events": [REGISTERED], **fields}


def create(client, **fields):
    answer = client.post(HOOKS, json=body(**fields))
    assert answer.status == 201, answer.text
    return answer.data


def test_event_type_catalogue_lists_all_types_in_order(client):
    data = client.get("/api/v1/event_types").data
    assert data == list(FAMILIES.event_types)
    fleets = family("fleet").event_types
    assert data[: len(fleets)] == list(fleets)
    assert (len(fleets), data[0], data[1], fleets[-1]) == (
        23,
        "edge.core.test",
        "edge.enrollment_key.verified",
        "edge.rollout.finished",
    )
    assert client.get("/api/v1/event_types", key=None).status == 401


class TestCreating:
    def test_created_webhook_shows_no_secret_and_no_header(self, client):
        answer = client.post(HOOKS, json=body(headers={"Authorization": TOKEN}))
        assert answer.headers["location"] == f"{HOOKS}/{answer.data['id']}"
        assert {name: value for name, value in answer.data.items() if name != "id"} == {
            "url": "https://hooks.example/a",
            "subscribed_events": [REGISTERED],
            "consecutive_failures": 0,
            "paused_until": None,
            "previous_secret_until": None,
            "inserted_at": "2026-11-21T10:00:00Z",
            "updated_at": "2026-11-21T10:00:00Z",
        }
        assert client.get(f"{HOOKS}/{answer.data['id']}").data == answer.data

    def test_webhook_secrets_are_in_no_row_response_or_log(self, client, world):
        data = create(client, headers={"Authorization": TOKEN})
        client.post(f"{HOOKS}/{data['id']}/rotate_secret", json={"secret": NEW_SECRET})
        texts = [str(world.driver.rows(WEBHOOKS)), client.get(HOOKS).text, *world.lines.texts]
        for secret in (SECRET, NEW_SECRET, TOKEN):
            assert not [text for text in texts if secret in text]
            assert secret.encode() not in str(world.driver.rows(WEBHOOKS)).encode()

    def test_malformed_webhook_response_does_not_echo_the_secret(self, client, world):
        answer = client.post(HOOKS, json=body(secret="short-private-text"))
        assert answer.error["details"] == {"secret": ["String length is smaller than minLength: 32"]}
        assert "short-private-text" not in answer.text + "".join(world.lines.texts)

    def test_webhook_url_may_be_used_several_times(self, client):
        assert create(client)["id"] != create(client)["id"]

    def test_event_type_named_twice_is_subscribed_once(self, client):
        assert create(client, subscribed_events=[REGISTERED, REGISTERED])["subscribed_events"] == [REGISTERED]

    @pytest.mark.parametrize(
        ("fields", "details"),
        [
            ({"url": "ftp://a"}, {"url": ["Invalid format. Expected a URL that begins with http:// or https://"]}),
            ({"url": "https://a.example/" + "a" * 2048}, {"url": ["String length is larger than maxLength: 2048"]}),
            ({"secret": "s" * 257}, {"secret": ["String length is larger than maxLength: 256"]}),
            ({"headers": {"a": "v" * 4097}}, {"headers/a": ["String length is larger than maxLength: 4096"]}),
            ({"headers": {"a": 1}}, {"headers/a": ["Invalid string. Got: integer"]}),
            ({"headers": []}, {"headers": ["Invalid object. Got: array"]}),
            ({"headers": None}, {"headers": ["null value where object expected"]}),
            (
                {"headers": {f"x-{n}": "v" for n in range(21)}},
                {"headers": ["Object property count 21 is greater than maxProperties: 20"]},
            ),
            ({"subscribed_events": []}, {"subscribed_events": ["Array length 0 is smaller than minItems: 1"]}),
            (
                {"subscribed_events": [REGISTERED] * 21},
                {"subscribed_events": ["Array length 21 is larger than maxItems: 20"]},
            ),
            (
                {"subscribed_events": ["a" * 257]},
                {"subscribed_events/0": ["String length is larger than maxLength: 256"]},
            ),
            ({"name": "x"}, {"name": ["Unexpected field: name"]}),
        ],
    )
    def test_malformed_webhook_is_400(self, client, world, fields, details):
        answer = client.post(HOOKS, json=body(**fields))
        assert (answer.status, answer.error["details"]) == (400, details)
        assert world.driver.rows(WEBHOOKS) == []

    def test_webhook_without_required_fields_is_400(self, client):
        answer = client.post(HOOKS, json={})
        assert (answer.status, set(answer.error["details"])) == (400, {"url", "secret", "subscribed_events"})

    @pytest.mark.parametrize(
        ("fields", "field", "said"),
        [
            ({"secret": "ü" * 200}, "secret", "256"),
            ({"subscribed_events": [REGISTERED, "edge.node.exploded"]}, "subscribed_events", "edge.node.exploded"),
            ({"headers": {"Content-Type": "text/plain"}}, "headers", "Content-Type"),
            ({"url": "https://u:p@hooks.example/"}, "url", HAS_USERINFO),
            ({"url": "https://hooks.example/#a"}, "url", HAS_FRAGMENT),
            ({"url": "https://hooks.example:99999/"}, "url", NOT_ABSOLUTE),
            ({"url": "http://metadata.google.internal/"}, "url", "metadata.google.internal"),
            ({"url": "http://10.0.0.1/"}, "url", "10.0.0.1"),
            ({"url": "https://inside.example/"}, "url", "fd00::1"),
        ],
    )
    def test_webhook_that_breaks_a_rule_is_422(self, client, world, fields, field, said):
        world.resolver.set("inside.example", ["fd00::1"])
        answer = client.post(HOOKS, json=body(**fields))
        assert (answer.status, answer.error["code"], list(answer.error["details"])) == (
            422,
            "validation_failed",
            [field],
        )
        assert said in answer.error["details"][field][0]
        assert world.driver.rows(WEBHOOKS) == []

    def test_private_address_is_accepted_where_settings_allow_it(self):
        world = World(webhook_allow_private_ips=True)
        client = Client([webhooks.routes, webhook_deliveries.routes], world.fleet)
        assert create(client, url="http://127.0.0.1:9000/")["url"] == "http://127.0.0.1:9000/"

    def test_creating_a_webhook_without_a_key_is_401(self, client):
        assert client.post(HOOKS, json=body(), key=None).status == 401


class TestListing:
    def test_webhook_queries_offer_exactly_the_known_filters(self):
        taken = set(webhooks.WebhookListQuery.model_fields) - PAGING
        assert taken == filter_names(FIELDS)
        taken = set(webhook_deliveries.DeliveryListQuery.model_fields) - PAGING
        assert taken == filter_names(DELIVERY_FIELDS)

    def test_webhook_list_filters_by_event_type_and_url(self, client, world):
        one = create(client, url="https://one.example/", subscribed_events=[REGISTERED])
        world.clock.advance(1)
        two = create(client, url="https://two.example/", subscribed_events=[REGISTERED, "edge.node.reregistered"])

        def found(**query):
            return [data["id"] for data in client.get(HOOKS, query=query).data]

        assert found() == [two["id"], one["id"]]
        assert found(event_type=REGISTERED) == [two["id"], one["id"]]
        assert found(event_type="edge.node.reregistered") == [two["id"]]
        assert found(event_type="edge.node.exploded") == []
        assert found(url="*ONE*") == [one["id"]]
        assert found(order_by="url") == [one["id"], two["id"]]
        assert found(inserted_at__gte="2026-11-21T10:00:01Z") == [two["id"]]

    def test_webhook_list_total_counts_matches(self, client):
        for number in range(3):
            create(client, url=f"https://{number}.example/")
        create(client, subscribed_events=["edge.node.reregistered"])
        answer = client.get(HOOKS, query={"event_type": REGISTERED, "page_size": 2})
        assert (len(answer.data), answer.json["meta"]["pagination"]["total_count"]) == (2, 3)

    def test_unknown_webhook_list_query_is_400(self, client):
        assert client.get(HOOKS, query={"secret": "x"}).status == 400

    def test_webhook_list_takes_four_calls_at_most(self, client, world):
        create(client)
        world.platform.tables.meter.reset()
        client.get(HOOKS)
        assert world.platform.tables.meter.count <= 4


def test_deleted_webhook_is_404(client, world):
    data = create(client)
    assert client.delete(f"{HOOKS}/{data['id']}").status == 204
    assert client.get(f"{HOOKS}/{data['id']}").status == 404
    assert client.delete(f"{HOOKS}/{data['id']}").status == 404
    assert world.driver.rows(WEBHOOKS) == []


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("GET", "{id}", None),
        ("DELETE", "{id}", None),
        ("POST", "{id}/test", None),
        ("POST", "{id}/rotate_secret", {"secret": NEW_SECRET}),
        ("POST", "{id}/redeliver", {"since": "2026-11-21T09:00:00Z"}),
        ("GET", "{id}/deliveries", None),
        ("GET", "{id}/deliveries/" + ABSENT, None),
        ("POST", "{id}/deliveries/" + ABSENT + "/redeliver", None),
    ],
)
def test_webhook_routes_refuse_unknown_ids_bad_ids_and_missing_keys(client, method, path, sent):
    options = {} if sent is None else {"json": sent}
    assert client.request(method, f"{HOOKS}/{path.format(id=ABSENT)}", **options).status == 404
    answer = client.request(method, f"{HOOKS}/{path.format(id='no-uuid')}", **options)
    assert (answer.status, answer.error["details"]) == (
        400,
        {"id": [NOT_A_UUID]},
    )
    assert client.request(method, f"{HOOKS}/{path.format(id=ABSENT)}", key=None, **options).status == 401


class TestRotating:
    def test_secret_rotation_overlap_is_a_day_by_default(self, client):
        data = create(client)
        path = f"{HOOKS}/{data['id']}/rotate_secret"
        assert client.post(path, json={"secret": NEW_SECRET}).data["previous_secret_until"] == "2026-11-22T10:00:00Z"
        shorter = client.post(path, json={"secret": SECRET, "overlap_seconds": 60}).data
        assert shorter["previous_secret_until"] == "2026-11-21T10:01:00Z"
        none = client.post(path, json={"secret": SECRET, "overlap_seconds": 0}).data
        assert none["previous_secret_until"] is None

    @pytest.mark.parametrize(
        ("sent", "status"),
        [
            ({}, 400),
            ({"secret": "short"}, 400),
            ({"secret": NEW_SECRET, "overlap_seconds": -1}, 400),
            ({"secret": NEW_SECRET, "overlap_seconds": 604_801}, 400),
            ({"secret": "ü" * 200}, 422),
        ],
    )
    def test_bad_secret_rotation_is_refused(self, client, sent, status):
        path = f"{HOOKS}/{create(client)['id']}/rotate_secret"
        assert client.post(path, json=sent).status == status


class TestLog:
    def test_test_delivery_is_logged_with_its_result(self, client, world):
        world.exchange.reply("hooks.example", Answer(202, b"thanks"))
        hook = create(client)
        asked = client.post(f"{HOOKS}/{hook['id']}/test")
        assert (asked.status, asked.data["status"], asked.data["attempts"]) == (202, "pending", [])
        world.settle()
        (logged,) = client.get(f"{HOOKS}/{hook['id']}/deliveries").data
        assert logged == {
            "id": asked.data["id"],
            "webhook_id": hook["id"],
            "event_id": asked.data["event_id"],
            "event_type": "edge.webhook.test",
            "status": "succeeded",
            "attempt_count": 1,
            "attempts": [
                {
                    "at": "2026-11-21T10:00:00Z",
                    "milliseconds": 0,
                    "status": 202,
                    "error": None,
                    "response": "thanks",
                }
            ],
            "next_attempt_at": None,
            "waits_for_webhook": False,
            "inserted_at": "2026-11-21T10:00:00Z",
            "updated_at": "2026-11-21T10:00:00Z",
        }
        whole = client.get(f"{HOOKS}/{hook['id']}/deliveries/{logged['id']}").data
        assert {name: value for name, value in whole.items() if name != "event"} == logged
        assert whole["event"] == asked.data["event"]
        assert whole["event"]["data"] == {"webhook_id": hook["id"]}

    def test_secret_echoed_by_the_receiver_is_masked(self, client, world):
        echo = f"you said {SECRET} and {TOKEN}, {'x' * 5000}"
        world.exchange.reply("hooks.example", Answer(500, echo.encode()))
        hook = create(client, headers={"Authorization": TOKEN})
        client.post(f"{HOOKS}/{hook['id']}/test")
        world.settle()
        (logged,) = client.get(f"{HOOKS}/{hook['id']}/deliveries").data
        response = logged["attempts"][0]["response"]
        assert response.startswith("you said *** and ***, xxx")
        assert len(response) == 1024
        assert SECRET not in str(world.driver.rows(DELIVERIES)) + "".join(world.lines.texts)

    def test_delivery_of_another_webhook_is_404(self, client, world):
        hook, other = create(client), create(client)
        delivery = client.post(f"{HOOKS}/{hook['id']}/test").data["id"]
        world.settle()
        assert client.get(f"{HOOKS}/{hook['id']}/deliveries/{delivery}").status == 200
        assert client.get(f"{HOOKS}/{other['id']}/deliveries/{delivery}").status == 404
        assert client.post(f"{HOOKS}/{other['id']}/deliveries/{delivery}/redeliver").status == 404

    def test_delivery_log_filters_by_status_and_event(self, client, world):
        hook = create(client)
        path = f"{HOOKS}/{hook['id']}/deliveries"
        client.post(f"{HOOKS}/{hook['id']}/test")
        world.settle()
        assert len(client.get(path, query={"status": "succeeded"}).data) == 1
        assert client.get(path, query={"status": "failed"}).data == []
        assert client.get(path, query={"status": "lost"}).status == 400
        assert len(client.get(path, query={"event_type": "edge.webhook.*"}).data) == 1
        assert client.get(path, query={"event_id": ABSENT}).data == []

    def test_single_redelivery_sends_the_delivery_again(self, client, world):
        world.exchange.reply("hooks.example", Answer(404), Answer(204))
        hook = create(client)
        asked = client.post(f"{HOOKS}/{hook['id']}/test").data
        world.settle()
        world.clock.advance(60)
        again = client.post(f"{HOOKS}/{hook['id']}/deliveries/{asked['id']}/redeliver")
        assert (again.status, again.data["status"]) == (202, "pending")
        world.settle()
        (logged,) = client.get(f"{HOOKS}/{hook['id']}/deliveries").data
        assert (logged["status"], [one["status"] for one in logged["attempts"]]) == ("succeeded", [404, 204])
        assert len({received.headers["webhook-id"] for received in world.exchange.received}) == 1

    def test_redelivery_is_refused_while_an_attempt_is_under_way(self, client, world):
        hook = create(client)
        asked = client.post(f"{HOOKS}/{hook['id']}/test").data
        path = f"{HOOKS}/{hook['id']}/deliveries/{asked['id']}/redeliver"
        statuses = []

        def ask_meanwhile():
            statuses.append(client.post(path).status)
            return Answer(204)

        world.exchange.reply("hooks.example", ask_meanwhile)
        world.settle()
        assert statuses == [409]

    def test_redelivery_since_a_time_is_stored_as_a_task_until_done(self, client, world):
        hook = create(client)
        answer = client.post(f"{HOOKS}/{hook['id']}/redeliver", json={"since": "2026-11-21T10:00:00+02:00"})
        span = {"since": "2026-11-21T08:00:00Z", "until": "2026-11-21T10:00:00Z"}
        assert (answer.status, answer.data) == (202, {"webhook_id": hook["id"], **span})
        (task,) = world.driver.rows(TASKS)
        assert (task["kind"], task["subject"], task["arguments"]) == ("webhook_redelivery", hook["id"], span)
        world.settle()
        assert world.driver.rows(TASKS) == []
        assert client.post(f"{HOOKS}/{hook['id']}/redeliver", json={"since": "2026-11-21"}).status == 400


@pytest.mark.skipif(not os.environ.get("EDGE_CONTRACT_DIR"), reason="EDGE_CONTRACT_DIR names no folder")
def test_event_types_are_those_of_the_contract(client):
    schema = published(OPENAPI)["components"]["schemas"]["EventTypeListResponse"]
    told = client.get("/api/v1/event_types").data
    theirs = [each for each in told if each.startswith("edge.") and not each.startswith("edge.rollout.")]
    later = {"edge.core.test", "edge.command_execution.dropped"}
    theirs = [each for each in theirs if each not in later]
    assert theirs == schema["properties"]["data"]["example"]
