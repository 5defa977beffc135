"""The audit log of random histories has the requests that changed something, each by its author, and no other.

A request has changed something if any row differs after it, so the expectation knows nothing of verbs or stamps.
"""

from collections import Counter
from random import Random

import pytest

from chalicelib.fleet.aliases.store import TABLE as ALIASES
from chalicelib.fleet.clusters.store import TABLE as CLUSTERS
from chalicelib.fleet.commands.store import COMMANDS, EXECUTIONS
from chalicelib.fleet.enrollment.store import TABLE as ENROLLMENT_KEYS
from chalicelib.fleet.nodes.store import NODES
from chalicelib.fleet.ssh.store import KEYS, USERNAMES
from chalicelib.fleet.updates.store import REQUESTS
from chalicelib.platform.access.key_text import parse
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.access.store import API_KEYS
from chalicelib.platform.audit.store import TABLE as AUDIT_EVENTS
from chalicelib.platform.idempotency.store import TABLE as IDEMPOTENCY
from chalicelib.platform.webhooks.store import DELIVERIES, WEBHOOKS
from tests.bench.scene import SSH_KEY, WEBHOOK
from tests.support.callers import enrolled, operator
from tests.support.fakes.dynamo import Crash
from tests.support.world import MASTER_KEY, World

SEEDS = 8
REQUESTS_OF_A_HISTORY = 80
NEVER = 1_000_000_000
ALL = {"type": "all"}

NOT_THINGS = {AUDIT_EVENTS.name, API_KEYS.name, IDEMPOTENCY.name}
"""What a request leaves beside its effect: the log itself, the use of its key, the record of its answer."""

CREATED = (
    ("cluster.create", "/clusters", {"name": "CLUSTER"}),
    ("enrollment_key.create", "/clusters/{clusters}/enrollment_keys", {}),
    ("alias.create", "/nodes/{nodes}/aliases", {"name": "ALIAS"}),
    ("command.create", "/commands", {"command_text": "true", "targeting": ALL}),
    ("self_update_request.create", "/self_update_requests", {"targeting": ALL}),
    ("ssh_username.create", "/nodes/{nodes}/ssh_usernames", {"username": "USER"}),
    (
        "ssh_public_key.create",
        "/ssh_usernames/{ssh_usernames}/ssh_public_keys",
        {"key_name": "ALIAS", "public_key": SSH_KEY},
    ),
    ("webhook.create", "/webhooks", WEBHOOK),
    ("node.block", "/nodes/{nodes}/block", None),
    ("node.unblock", "/nodes/{nodes}/unblock", None),
    ("command.cancel", "/commands/{commands}/cancel", None),
    ("webhook.test", "/webhooks/{webhooks}/test", None),
    ("webhook.rotate_secret", "/webhooks/{webhooks}/rotate_secret", {"secret": "another-secret-of-thirty-two-bytes"}),
    ("webhook.redeliver", "/webhooks/{webhooks}/redeliver", {"since": "2026-11-21T00:00:00Z"}),
)
CHANGED = (
    ("cluster.update", "/clusters/{clusters}", {"node_limit": 9}),
    ("enrollment_key.update", "/enrollment_keys/{enrollment_keys}", {"name": "renamed"}),
    ("node.change_cluster", "/nodes/{nodes}/change_cluster", {"cluster_name": "CLUSTER"}),
    ("execution.cancel", "/command_executions/{executions}/cancel", None),
)
REMOVED = (
    ("cluster.delete", "/clusters/{clusters}"),
    ("enrollment_key.delete", "/enrollment_keys/{enrollment_keys}"),
    ("node.delete", "/nodes/{nodes}"),
    ("alias.delete", "/aliases/{aliases}"),
    ("command.delete", "/commands/{commands}"),
    ("execution.delete", "/command_executions/{executions}"),
    ("self_update_request.delete", "/self_update_requests/{self_update_requests}"),
    ("ssh_username.delete", "/ssh_usernames/{ssh_usernames}"),
    ("ssh_public_key.delete", "/ssh_public_keys/{ssh_public_keys}"),
    ("webhook.delete", "/webhooks/{webhooks}"),
)
OPERATIONS = (
    *(("POST", *one) for one in CREATED),
    *(("PATCH", *one) for one in CHANGED),
    *(("DELETE", *one, None) for one in REMOVED),
)
TABLES = (
    ALIASES,
    CLUSTERS,
    COMMANDS,
    EXECUTIONS,
    ENROLLMENT_KEYS,
    NODES,
    KEYS,
    USERNAMES,
    REQUESTS,
    DELIVERIES,
    WEBHOOKS,
)
NOWHERE = "01936d2c-0000-7000-8000-0123456789ab"


class History:
    """``changing`` are the requests that changed something: principal, verb and, where one was answered, its id."""

    def __init__(self, seed):
        self.rng = Random(seed)
        self.world = World()
        self.client = operator(self.world)
        self.client.post("/api/v1/clusters", json={"name": "north"})
        self.agents = enrolled(self.client, 3)
        self.world.settle()
        self.before = {row["id"] for row in self.world.driver.rows(AUDIT_EVENTS)}
        keys = [self.world.key_with(role=KeyRole.ADMIN) for _ in range(2)]
        self.principals = {MASTER_KEY: "MASTER_KEY", **{key: parse(key).id for key in keys}}
        self.changing = []

    def request(self):
        method, verb, path, body = self.rng.choice(OPERATIONS)
        key = self.rng.choice(list(self.principals))
        options = {} if body is None else {"json": {name: self.drawn(value) for name, value in body.items()}}
        before = self.rows()
        self.world.driver.crash_after(1 if self.rng.random() < 0.15 else NEVER)
        try:
            answer = self.client.request(method, f"/api/v1{self.filled(path)}", key=key, checked=False, **options)
        except Crash:
            request_id = None
        else:
            request_id = answer.headers["x-request-id"]
            assert answer.status < 500, answer.text
        self.world.driver.crash_after(NEVER)
        if self.rows() != before:
            self.changing.append((self.principals[key], verb, request_id))

    def agent(self):
        """A machine polls, and works on what waits for it."""
        agent = self.rng.choice(self.agents)
        agent.heartbeat()
        answer = agent.poll()
        for row in answer.data[:2] if answer.status == 200 else ():
            agent.acknowledge(row["id"])
            agent.report(row["id"], exit_code=0)

    def work(self):
        crash_after = self.rng.randint(1, 9) if self.rng.random() < 0.4 else None
        self.world.settle(twice=self.rng.random() < 0.4, crash_after=crash_after)

    def drawn(self, value):
        """A value of a body: one of a few names, so that requests meet on the same things."""
        names = {"CLUSTER": ("north", "south"), "ALIAS": ("till", "door"), "USER": ("ops", "deploy")}
        return self.rng.choice(names[value]) if isinstance(value, str) and value in names else value

    def filled(self, path):
        for table in TABLES:
            ids = [row["name" if table is CLUSTERS else "id"] for row in self.world.driver.rows(table)]
            path = path.replace(f"{{{table.name}}}", self.rng.choice([*ids, *ids, NOWHERE]))
        return path

    def rows(self):
        return {name: rows for name, rows in self.world.driver.snapshot().items() if name not in NOT_THINGS}

    def told(self):
        return [row for row in self.world.driver.rows(AUDIT_EVENTS) if row["id"] not in self.before]


@pytest.mark.parametrize("seed", range(SEEDS))
def test_log_has_the_requests_that_changed_something_by_their_authors(seed):
    history = History(seed)
    for _ in range(REQUESTS_OF_A_HISTORY):
        history.request()
        if history.rng.random() < 0.3:
            history.agent()
        if history.rng.random() < 0.3:
            history.work()
        history.world.clock.advance(history.rng.choice((0, 1, 30)))
    history.world.clock.advance(3600)
    history.world.sweep("sweep_commands")
    history.world.queue_client.release_delayed()
    history.world.settle(twice=True)

    told = history.told()
    assert Counter((row["principal_id"], row["operation"]) for row in told) == Counter(
        (principal, verb) for principal, verb, _ in history.changing
    )
    answered = {request_id for *_, request_id in history.changing if request_id}
    assert answered <= {row["request_id"] for row in told}
    assert len({row["request_id"] for row in told}) == len(told)


def test_histories_change_things_by_nearly_every_operation():
    verbs = Counter()
    for seed in range(SEEDS):
        history = History(seed)
        for _ in range(REQUESTS_OF_A_HISTORY):
            history.request()
            history.agent()
            history.work()
        verbs.update(verb for _, verb, _ in history.changing)
    assert len(verbs) >= len({verb for _, verb, *_ in OPERATIONS}) - 2
