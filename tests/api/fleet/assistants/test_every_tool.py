"""Every tool, listed and called by the official client against the whole application."""

import pytest

from chalicelib.fleet.api import API
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.web.mcp.catalogue import choices, key_of
from chalicelib.web.mcp.tools import tools_in
from tests.bench.scene import ENDPOINTS, SENT
from tests.support.assistant import arguments_for, asking, called
from tests.support.operations import operations_of
from tests.support.world import MASTER_KEY

OPERATIONS = operations_of("fleet")
TOOLS = tools_in(API.tools_document)
VIEWS = {
    (module, endpoint.method, endpoint.route): endpoint.view.__name__
    for endpoint, module, reason in choices(API)
    if not reason
}


async def listed(assistant):
    return (await assistant.list_tools()).tools


def view_of(tool):
    return VIEWS[tool.module, tool.method, tool.route]


def prepared(scene, tool):
    """The arguments with which the tool succeeds."""
    view = view_of(tool)
    options = OPERATIONS.prepared[API.name][view](scene)
    body = options.get("json", SENT.get(view, {}) if ENDPOINTS[view].has_body else {})
    variables = {**scene.variables, **options.get("variables", {})}
    return arguments_for(tool, variables, options.get("query", {}), body)


def unprepared(scene, name):
    """Arguments that fit, for which nothing is arranged."""
    return arguments_for(TOOLS[name], scene.variables, {}, SENT.get(view_of(TOOLS[name]), {}))


@pytest.mark.parametrize("name", TOOLS)
def test_tool_is_carried_out_as_its_operation(name):
    scene = OPERATIONS.scene()
    arguments = prepared(scene, TOOLS[name])
    before = scene.world.state()

    result = called(scene.app.client, MASTER_KEY, name, arguments)

    assert not result.is_error, result.content
    assert result.structured_content
    assert TOOLS[name].changes or scene.world.state() == before


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_all_tools_are_listed_to_a_key_that_may_do_everything(mode):
    scene = OPERATIONS.scene()

    assert [tool.name for tool in asking(scene.app.client, MASTER_KEY, listed, mode=mode)] == [*TOOLS]


def test_viewer_is_offered_reading_tools_and_changes_nothing_by_any():
    scene = OPERATIONS.scene()
    viewer = scene.world.key_with(role=KeyRole.VIEWER)
    arguments = {name: unprepared(scene, name) for name, tool in TOOLS.items() if tool.changes}
    before = scene.world.state()

    async def work(assistant):
        offered = (await assistant.list_tools()).tools
        return offered, {name: await assistant.call_tool(name, each) for name, each in arguments.items()}

    offered, results = asking(scene.app.client, viewer, work)
    assert scene.world.state() == before
    assert all(tool.annotations.read_only_hint for tool in offered)
    assert {result.structured_content["error"]["code"] for result in results.values()} == {"forbidden"}


def test_connection_that_reads_only_changes_nothing_by_any_tool():
    scene = OPERATIONS.scene()
    changing = [name for name, tool in TOOLS.items() if tool.changes]
    before = scene.world.state()

    async def work(assistant):
        offered = (await assistant.list_tools()).tools
        return offered, [await assistant.call_tool(name, {}) for name in changing]

    offered, results = asking(scene.app.client, MASTER_KEY, work, query="?read_only=true")
    assert scene.world.state() == before
    assert {tool.name for tool in offered} == TOOLS.keys() - {*changing}
    assert {result.structured_content["error"]["code"] for result in results} == {"read_only"}


def test_key_of_another_cluster_reaches_nothing_by_any_tool():
    """As of an operation: nothing of the scene is answered, and nothing of it changes."""
    scene = OPERATIONS.scene()
    restricted = scene.world.key_with(role=KeyRole.ADMIN, restrictions=OPERATIONS.outside(scene))
    arguments = {name: unprepared(scene, name) for name in TOOLS}
    addressed = {name for name, tool in TOOLS.items() if tool.path and tool.permission}
    before = scene.world.state()

    async def work(assistant):
        return {name: await assistant.call_tool(name, arguments[name]) for name in sorted(addressed)}

    results = asking(scene.app.client, restricted, work)
    assert scene.world.state() == before
    answered = {name for name, result in results.items() if not result.is_error}
    assert answered <= {"get_node_metrics"}  # empty for any id


READS = [name for name, tool in TOOLS.items() if not tool.changes and tool.permission and tool.audience == "operator"]


@pytest.mark.parametrize("role", ["all", "outside"])
def test_reading_tool_shows_exactly_what_the_operation_shows_the_same_key(role):
    """So that a reach, a hidden text and a filter hold here as they do there."""
    scene = OPERATIONS.scene()
    restrictions = {} if role == "all" else OPERATIONS.outside(scene)
    key = scene.world.key_with(role=KeyRole.VIEWER, restrictions=restrictions)
    over_http = {name: scene.request(view_of(TOOLS[name]), key=key) for name in READS}

    async def work(assistant):
        return {name: await assistant.call_tool(name, path_arguments(scene, name)) for name in READS}

    for name, result in asking(scene.app.client, key, work).items():
        expected = over_http[name]
        assert result.is_error == (expected.status >= 400), name
        if result.is_error:
            assert result.structured_content["error"]["code"] == expected.error["code"]
        else:
            assert result.structured_content["data"] == expected.data


def path_arguments(scene, name):
    return arguments_for(TOOLS[name], scene.variables, {}, {})


class TestChoice:
    def test_every_operation_of_operators_has_a_tool_or_a_reason(self):
        named = API.tool_naming()
        with_tool = {key_of(endpoint) for endpoint, _, reason in choices(API) if not reason}
        without = {key_of(endpoint) for endpoint, _, reason in choices(API) if reason}
        decided = {key_of(endpoint) for endpoint in API.endpoints() if endpoint.auth.by_permission}

        assert decided <= with_tool | without
        assert not with_tool & without
        assert named.without.keys() <= without

    def test_only_tools_that_change_something_say_so(self):
        for tool in TOOLS.values():
            assert tool.shown["annotations"]["readOnlyHint"] is not tool.changes
