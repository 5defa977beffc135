"""A `World` whose mesh is a `NetmakerStub`, over real HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chalicelib.fleet.vpn.names import host_name, network_name
from tests.support.callers import Agent
from tests.support.client import HttpAnswer
from tests.support.fakes.netmaker_http import ServedNetmaker, running_netmaker
from tests.support.fakes.netmaker_stub import MASTER_KEY, NetmakerStub
from tests.support.world import World


class NetmakerWorld(World):
    """The application in mode `netmaker`. ``netmaker`` is the server's state, ``server`` makes it fail."""

    def __init__(self, server: ServedNetmaker, **settings: Any) -> None:
        self.server = server
        self.netmaker: NetmakerStub = server.stub
        given = {"vpn_mode": "netmaker", "netmaker_api_url": server.url, "netmaker_master_key": MASTER_KEY, **settings}
        super().__init__(**given)

    def reconcile(self, *, twice: bool = False) -> None:
        """One run of the schedule, and all that it asks for."""
        self.sweep("reconcile_vpn")
        self.settle(twice=twice)

    def said(self, event: str) -> list[dict[str, Any]]:
        """The lines of the log about an event."""
        return [line for line in self.lines.records if line["event"] == event]

    def names_in(self, cluster_name: str) -> dict[str, str]:
        """The aliases that the mesh resolves in a cluster: name -> address."""
        network = network_name(cluster_name)
        ending = f".{network}"
        return {
            name.removeprefix("node-").removesuffix(ending): address
            for (each, name), address in self.netmaker.names.items()
            if each == network
        }


def join(world: NetmakerWorld, agent: Agent, token: str) -> str:
    """Join the mesh as an agent's machine does between the two calls, under its name. Returns the host's id."""
    return world.netmaker.join(token, host_name(agent.id))


def enrol(world: NetmakerWorld, agent: Agent, blob: str, cluster_name: str) -> HttpAnswer:
    """The whole way of an agent of the reference, which sends no token of ours."""
    verified = agent.verify(blob)
    assert verified.data["verified"], verified.text
    join(world, agent, verified.data["netmaker_key"])
    return agent.register("", cluster_name)


@contextmanager
def netmaker_world(**settings: Any) -> Iterator[NetmakerWorld]:
    """With a server of its own, which must not have been asked anything that Netmaker does not take."""
    with running_netmaker() as server:
        world = NetmakerWorld(server, **settings)
        yield world
        assert server.stub.wrong == []
