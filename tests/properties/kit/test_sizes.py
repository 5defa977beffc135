"""Whatever an operator or an agent may write fits where it goes: rows, messages, the bus, frames.

The fakes refuse what AWS refuses for its size, so a request that is taken and does not fit somewhere ends in an error
here: of the route, or of the relay and the workers that follow.
"""

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chalicelib.platform.relay.queues import RELAY_FAILURES
from tests.support.callers import connect, enrolled, operator
from tests.support.world import World

NORTH = "/api/v1/clusters/north"

fragments = st.sampled_from(["a", "ä", "\uffff", "\ufffe", "\U0001f525", "\u0001", '"', "\\", "\u2028", "*", ","])
lengths = st.sampled_from([1, 30, 255, 4096, 43_000, 60_000, 66_000, 131_071, 300_000])
texts = st.builds(lambda fragment, length: (fragment * length)[:length], fragments, lengths)
names = st.lists(st.builds(lambda text, number: f"{number}{text}", texts, st.integers(0, 9)), max_size=3)
many = st.builds(lambda text, count: [text[: 300_000 // count]] * count, texts, st.sampled_from([1, 20, 2000]))
targetings = st.one_of(
    st.builds(lambda text: {"type": "all", "node_filters": {"version": text}}, texts),
    st.builds(lambda text: {"type": "all", "cluster_filters": {"name": text}}, texts),
    st.builds(lambda named: {"type": "clusters", "cluster_names": named}, many),
    st.just({"type": "all"}),
)
headers = st.dictionaries(
    st.builds(lambda number, length: f"x-{number}-" + "h" * length, st.integers(0, 99), lengths),
    st.builds(lambda fragment, length: (fragment * length)[:length], st.sampled_from(["a", '"']), lengths),
    max_size=20,
)

requests = st.one_of(
    st.tuples(st.just("/api/v1/commands"), st.fixed_dictionaries({"command_text": texts, "targeting": targetings})),
    st.tuples(st.just("/api/v1/self_update_requests"), st.fixed_dictionaries({"targeting": targetings})),
    st.tuples(
        st.just("/api/v1/webhooks"),
        st.fixed_dictionaries(
            {
                "url": texts.map(lambda text: f"https://93.184.216.34/{text}"),
                "secret": st.just("s" * 32),
                "headers": headers,
                "subscribed_events": st.just(["edge.command_execution.created", "edge.self_update_request.completed"]),
            }
        ),
    ),
    st.tuples(st.just(f"{NORTH}/enrollment_keys"), st.fixed_dictionaries({"name": texts})),
    st.tuples(st.just("/api/v1/nodes/{node}/aliases"), st.fixed_dictionaries({"name": texts})),
    st.tuples(
        st.just("/api/v1/nodes/{node}/ssh_usernames"), st.fixed_dictionaries({"username": texts, "password": texts})
    ),
)

WIDENED = {"type": "all", "node_filters": {"version": "\uffff" * 60_000}}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(requests, min_size=1, max_size=4))
@example([("/api/v1/self_update_requests", {"targeting": WIDENED})])
@example([("/api/v1/commands", {"command_text": "\uffff" * 43_000, "targeting": WIDENED})])
@example([("/api/v1/commands", {"command_text": "\u0001" * 131_071, "targeting": {"type": "all"}})])
def test_accepted_operator_requests_fit_rows_messages_and_events(asked):
    world = World()
    client = operator(world)
    client.post("/api/v1/clusters", json={"name": "north"})
    agent, silent = enrolled(client, 2)
    connect(world, agent, "socket-1")
    world.settle()

    for path, body in asked:
        assert client.post(path.format(node=agent.id), json=body, checked=False).status < 500
    for _ in range(4):
        world.settle()
        world.clock.advance(400)
        world.queue_client.release_delayed()
        world.sweep("sweep_commands")
    world.settle()

    assert world.queue_client.bodies(RELAY_FAILURES) == []
    for path in ("/api/v1/command_executions", "/api/v1/commands", "/api/v1/self_update_requests", "/api/v1/webhooks"):
        assert client.get(path, query={"page_size": 100}).status in {200, 400}
    assert agent.poll().status == silent.poll().status == 200


agent_texts = st.fixed_dictionaries({"username": texts, "password": texts})


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(agent_texts, texts)
def test_accepted_agent_texts_fit_rows_messages_and_events(credentials, output):
    world = World()
    client = operator(world)
    client.post("/api/v1/clusters", json={"name": "north"})
    (agent,) = enrolled(client, 1)
    client.post("/api/v1/commands", json={"command_text": "true", "targeting": {"type": "all"}})
    world.settle()

    tried = agent.verify_credentials(**credentials)
    for execution_id in agent.waiting():
        assert agent.report(execution_id, output=output, exit_code=0).status == 200
    world.settle()

    assert tried.status < 500
    assert world.queue_client.bodies(RELAY_FAILURES) == []
