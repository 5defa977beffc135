"""Nodes found by their labels and names, also those of before there were terms."""

from datetime import UTC, datetime

import pytest

from chalicelib.fleet.nodes.terming import TASK
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.tables.wire import to_wire
from tests.e2e.cloud import eventually, fleet, granted
from tests.support.aws_clients import local_client

STATE = {"term_shard": "state", "position": "fill"}


class Terms:
    """The table, as DynamoDB's client sees it."""

    def __init__(self, cloud):
        self._client, self._prefix = local_client(cloud.emulator_url, "dynamodb"), cloud.table_prefix
        self._state = self._read()
        assert "done_at" in self._state

    def of(self, node_id):
        rows = self._client.scan(TableName=self._table("node_terms"))["Items"]
        return {(row["term_shard"]["S"], row["position"]["S"]) for row in rows if row.get("id") == {"S": node_id}}

    def remove(self, entries):
        for term_shard, position in entries:
            key = to_wire({"term_shard": term_shard, "position": position})
            self._client.delete_item(TableName=self._table("node_terms"), Key=key)

    def ask(self):
        """As the health sweep does where the table was never filled. Containers trust for minutes that it was."""
        now = to_seconds_text(datetime.now(UTC))
        asked = {"kind": TASK, "subject": "fleet", "arguments": {}, "settles": False, "asked_at": now}
        due = {"due": "tasks", "due_at": now, "sweeps": 0, "version": 1}
        self._put("node_terms", {**STATE, "asked_at": now})
        self._put("tasks", {"id": f"{TASK}#fleet", **asked, **due})

    def close(self):
        self._client.put_item(TableName=self._table("node_terms"), Item=self._state)
        self._client.close()

    def _read(self):
        return self._client.get_item(TableName=self._table("node_terms"), Key=to_wire(STATE)).get("Item", {})

    def _put(self, table, row):
        self._client.put_item(TableName=self._table(table), Item=to_wire(row))

    def _table(self, name):
        return f"{self._prefix}{name}"


@pytest.fixture
def terms(cloud):
    """Its state is afterwards as it was."""
    terms = Terms(cloud)
    yield terms
    terms.close()


def test_missing_terms_are_written_and_names_that_are_gone_forgotten(cloud, terms):
    with fleet(cloud, "terms") as machines:
        (agent,) = machines.enrol(1, "--label", "role=probe")
        node_id, api = agent.node_id(), machines.api
        found = f"/api/v1/nodes?labels=role:probe&search={node_id[:13]}"
        assert [node["id"] for node in api.items(found)] == [node_id]
        assert api.items("/api/v1/nodes?labels=role:other") == []
        targeting = {"type": "all", "node_filters": {"labels": "role:probe"}}
        request = api.call("POST", "/api/v1/self_update_requests", {"targeting": targeting}).data
        eventually(lambda: api.get(f"/api/v1/self_update_requests/{request['id']}").data["status"] == "processing")

        before = terms.of(node_id)
        assert len(before) >= 2
        terms.remove(before)
        terms.ask()
        eventually(lambda: terms.of(node_id) == before)

        alias = api.call("POST", f"/api/v1/nodes/{node_id}/aliases", {"name": "probe"}).data
        assert [node["id"] for node in api.items("/api/v1/nodes?search=PROB")] == [node_id]
        assert api.call("DELETE", f"/api/v1/aliases/{alias['id']}").status == 204
        eventually(lambda: terms.of(node_id) == before)
    assert terms.of(node_id) == set()
    assert cloud.function_failures() == []
    assert cloud.calls <= granted(cloud.table_prefix)
