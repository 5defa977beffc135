"""The agent reads its lists of executions to their end, also where the server shortens a page that is too large."""

import asyncio
import io
import uuid

import pytest
from edge_agent.agent_api import AgentApi
from edge_agent.event_log import EventLog
from edge_agent.http_client import Answer

from samples.agent.tests.support.memory_machine import Machine, final, server_without_sockets
from samples.agent.tests.support.memory_ports import VirtualClock


class Listing:
    """A server's list, of which an answer holds so many bytes at most, and one item at least."""

    def __init__(self, sizes, most):
        self.ids = [str(uuid.UUID(int=place + 1)) for place in range(len(sizes))]
        self._sizes = sizes
        self._most = most
        self.asked = 0

    async def call(self, _method, _path, query):
        self.asked += 1
        start = (query["page"] - 1) * query["page_size"]
        shown, left = [], self._most
        for place in range(start, min(start + query["page_size"], len(self.ids))):
            left -= self._sizes[place]
            if shown and left < 0:
                break
            shown.append({"id": self.ids[place], "command_id": "c", "command_text": "true", "status": "sent"})
        has_next = start + len(shown) < len(self.ids)
        return Answer(200, {"data": shown, "meta": {"pagination": {"has_next": has_next}}})


async def all_of(listing):
    api = AgentApi(listing, EventLog(io.StringIO(), VirtualClock()))
    return [item.work.id async for page in api.pages("sent") for item in page.items]


@pytest.mark.parametrize(
    ("sizes", "most", "calls"),
    [
        ([1] * 250, 1000, 3),
        ([1] * 250, 60, 11),
        ([10] * 130, 60, 30),
        ([1] * 40 + [50] + [1] * 9 + [60] * 3 + [1] * 60, 60, 30),
        ([100] * 12, 60, 20),
        ([], 60, 1),
    ],
    ids=["whole pages", "shortened", "very short", "some large", "each too large for a second", "empty"],
)
def test_list_with_shortened_pages_is_read_to_its_end(sizes, most, calls):
    listing = Listing(sizes, most)
    found = asyncio.run(all_of(listing))
    assert list(dict.fromkeys(found)) == listing.ids
    assert listing.asked <= calls


def test_pending_execution_behind_refused_ones_on_a_shortened_page_is_run():
    server = server_without_sockets()
    server.websocket = False
    server.shows_at_most = 3
    held = [server.add("1 0 held") for _ in range(4)]
    wanted = server.add("1 0 wanted")
    server.refuses = set(held)
    machine = Machine(server)
    machine.run(final(server, wanted))
    assert server.final(wanted)["output"] == "wanted"
