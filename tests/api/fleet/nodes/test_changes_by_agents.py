"""What an agent may change by itself is bounded: each change is an event for everybody."""

import pytest

from tests.support.callers import enrolled

HEALTH = "/api/v1/agents/nodes/me/health_check"
BURST, EACH_SECONDS = 30, 60


@pytest.fixture
def agent(world, client):
    (agent,) = enrolled(client, 1)
    agent.poll()
    world.clock.advance(3600)
    return agent


def flip(client, agent, number):
    body = {"status": "healthy" if number % 2 else "unhealthy"}
    return client.request("PATCH", HEALTH, json=body, key=agent.token, checked=False)


def events(world):
    world.settle()
    return [envelope["type"] for envelope in world.bus_client.envelopes]


def test_flipping_health_makes_a_bounded_number_of_events(world, client, agent):
    events(world)
    world.bus_client.entries.clear()
    answers = [flip(client, agent, number) for number in range(200)]

    refused = [answer for answer in answers if answer.status != 200]
    assert len(refused) == (200 - BURST) / 2, "what it says every other time is what is known already"
    assert {(answer.status, answer.error["code"]) for answer in refused} == {(429, "rate_limited")}
    assert {answer.headers["retry-after"] for answer in refused} == {str(EACH_SECONDS)}
    assert events(world) == ["edge.node.status_changed"] * BURST
    world.clock.advance(EACH_SECONDS)
    assert [flip(client, agent, number).status for number in range(2)] == [200, 429]


def test_unchanged_health_report_is_not_counted(world, client, agent):
    before = world.driver.snapshot()
    agent.heartbeat()
    world.clock.advance(1)

    assert {agent.heartbeat().status for _ in range(100)} == {200}
    assert [flip(client, agent, number).status for number in range(BURST)] == [200] * BURST
    assert before != world.driver.snapshot()


def test_registrations_beyond_the_limit_are_429_and_keep_the_token(world, client, agent):
    statuses = [agent.register(None, "north").status for _ in range(50)]

    assert statuses == [201] * BURST + [429] * (50 - BURST)
    assert agent.poll().status == 200
    world.clock.advance(EACH_SECONDS)
    assert agent.register(None, "north").status == 201


def test_registrations_and_health_share_one_limit_per_node(world, client, agent):
    (other,) = enrolled(client, 1)
    for number in range(BURST // 2):
        flip(client, agent, 2 * number)
        agent.register(None, "north")

    assert (agent.register(None, "north").status, flip(client, agent, 0).status) == (429, 429)
    assert other.register(None, "north").status == 201


def test_agent_restarting_every_five_seconds_is_admitted_again(world, client, agent):
    waits = 0
    for _ in range(720):
        answer = agent.register(None, "north")
        waits += answer.status == 429
        world.clock.advance(float(answer.headers.get("retry-after", 5)))

    assert waits > 0
    assert agent.poll().status == 200


def test_counting_changes_costs_no_extra_call(world, client, agent):
    flip(client, agent, 0)
    assert [call.operation for call in world.platform.tables.meter.calls][-1] == "TransactWriteItems"
    assert world.platform.tables.meter.count <= 3
