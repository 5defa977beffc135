"""Acts of a named key in the audit log, by real functions on real tables: a change, a deletion and a refusal."""

from contextlib import closing

from infra.local.cloud import LocalCloud
from tests.e2e.api import Api
from tests.e2e.cloud import eventually

KEYS, CLUSTERS, EVENTS = "/api/v1/api_keys", "/api/v1/clusters", "/api/v1/audit_events"


def test_change_deletion_and_refusal_of_a_named_key_are_in_the_audit_log(cloud: LocalCloud) -> None:
    with closing(Api(cloud.url, cloud.master_key)) as root:
        made = root.call("POST", KEYS, {"name": "deployer", "permissions": ["clusters:write"]})
        assert made.status == 201, made.text
        mine = f"{EVENTS}?principal_id={made.data['id']}"
        with closing(Api(cloud.url, made.data["key"])) as deployer:
            created = deployer.call("POST", CLUSTERS, {"name": "audited"})
            assert created.status == 201, created.text
            assert deployer.call("DELETE", f"{CLUSTERS}/audited").status == 204
            assert deployer.get(CLUSTERS).status == 403

        def told() -> set[tuple[str, str]]:
            return {(event["operation"], event["outcome"]) for event in root.items(mine)}

        wanted = {("cluster.create", "done"), ("cluster.delete", "done"), (f"GET {CLUSTERS}", "refused")}
        eventually(lambda: told() == wanted)
        event = next(each for each in root.items(mine) if each["operation"] == "cluster.create")
        assert event["principal"] == {"kind": "key", "id": made.data["id"], "name": "deployer"}
        assert event["thing"] == {"kind": "cluster", "id": created.data["id"], "name": "audited"}
        assert event["request_id"] == created.headers["x-request-id"]
        exported = root.call("GET", mine, Accept="application/x-ndjson").text.splitlines()
        assert len(exported) == len(wanted)
