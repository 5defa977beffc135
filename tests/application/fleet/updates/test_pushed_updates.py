"""Self-updates told over the network."""

from typing import Any

import pytest

from chalicelib.fleet.transport.push import Push
from chalicelib.fleet.transport.service import Transport
from chalicelib.kit.outbound import Answer, NoAnswerError, Reason
from chalicelib.kit.sockets import Sockets
from tests.application.fleet.updates.scene import (
    TRIGGERED,
    a_world,
    check,
    connect,
    create,
    events,
    states,
    sweep,
    willing,
)


@pytest.fixture
def world():
    return a_world()


class Agents:
    """Answers every push with the next of these; an exception is raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.urls: list[str] = []

    def send(self, method: str, url: str, headers: Any, body: bytes | None = None) -> Answer:
        self.urls.append(f"{method} {url}")
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return Answer(answer)


def pushing(world, *answers):
    agents = Agents(*answers)
    services = world.fleet
    services.transport.direct = Transport(
        services.nodes,
        services.commands.executions,
        Sockets(world.socket_client),
        world.log,
        push=Push(agents),
        push_host="127.0.0.1",
        vpn_domain="nm.internal",
    )
    return agents


REFUSED_CONNECTION = NoAnswerError(Reason.UNREACHABLE, may_have_arrived=False)
NO_ANSWER = NoAnswerError(Reason.TIMEOUT)


class TestPush:
    @pytest.mark.parametrize(
        ("answer", "state"),
        [
            (202, "triggered"),
            (403, "failed"),
            (500, "failed"),
            (NO_ANSWER, "triggered"),
            (REFUSED_CONNECTION, "pending"),
        ],
    )
    def test_pushed_update_answer_decides_the_node_state(self, world, answer, state):
        (machine,) = willing(world, 1)
        agents = pushing(world, answer)
        create(world)
        world.settle()
        assert agents.urls == ["POST http://127.0.0.1:44000/api/v1/self_updates/trigger"]
        assert states(world) == {machine.id: state}
        assert len(events(world, TRIGGERED)) == (state == "triggered")

    def test_unreached_node_is_pushed_to_again_and_may_check(self, world):
        (machine,) = willing(world, 1)
        agents = pushing(world, REFUSED_CONNECTION, REFUSED_CONNECTION)
        create(world)
        world.settle()
        sweep(world)
        assert len(agents.urls) == 2
        assert check(world, machine).including_me

    def test_duplicate_update_message_pushes_once(self, world):
        (machine,) = willing(world, 1)
        agents = pushing(world, 202)
        create(world)
        world.settle(twice=True)
        assert (len(agents.urls), states(world)) == (1, {machine.id: "triggered"})

    def test_connected_node_is_woken_instead_of_pushed_to(self, world):
        (machine,) = willing(world, 1)
        connect(world, machine)
        agents = pushing(world)
        create(world)
        world.settle()
        assert (agents.urls, states(world)) == ([], {machine.id: "triggered"})

    def test_update_push_with_a_lost_outcome_is_not_repeated(self, world):
        (machine,) = willing(world, 1)
        request = create(world)
        world.settle()
        agents = pushing(world, SystemExit("killed in the middle of the push"))
        with pytest.raises(SystemExit):
            world.fleet.updates.triggering.trigger(request.id, [machine.id])
        world.fleet.updates.triggering.trigger(request.id, [machine.id])
        assert (len(agents.urls), states(world)) == (1, {machine.id: "pending"})
        world.clock.advance(301)
        world.fleet.updates.triggering.trigger(request.id, [machine.id])
        assert (len(agents.urls), states(world)) == (1, {machine.id: "triggered"})
