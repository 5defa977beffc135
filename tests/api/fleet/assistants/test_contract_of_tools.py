"""Our tools beside those of the contract, where its folder is at hand: names, titles, hints, parameters."""

import json
import os
from pathlib import Path

import pytest

from chalicelib.fleet.api import API
from chalicelib.web.mcp.tools import tools_in

FOLDER = os.environ.get("EDGE_CONTRACT_DIR", "")
FILE = "edge-admin-mcp-tools-v0.2.0.json"

pytestmark = pytest.mark.skipif(not FOLDER, reason="EDGE_CONTRACT_DIR names no folder with the contract")

OF_THE_RELEASED_REVISION = {
    *("get_node_diagnostics", "create_node_recovery_key", "delete_node_recovery_key", "publish_test_event"),
}
"""Tools that come with their operations."""

FILTERS_OF_THE_RELEASED_REVISION = {"has_enrollment_key", "key_name"}
"""Parameters that come with it, besides those that end in ``_in``."""

NOISE = {"default", "null", "_", "data", "create_command", "get_node"}
"""Words that once stood among the contract's parameters by mistake."""

TOOLS = tools_in(API.tools_document)


@pytest.fixture(scope="module")
def contract():
    return {tool["name"]: tool for tool in json.loads((Path(FOLDER) / FILE).read_text())}


def test_every_tool_of_the_contract_is_there_by_its_name(contract):
    assert contract.keys() - TOOLS.keys() <= OF_THE_RELEASED_REVISION


def test_titles_and_hints_are_those_of_the_contract(contract):
    for name in contract.keys() & TOOLS.keys():
        shown = TOOLS[name].shown
        hints = {hint.removesuffix("Hint") for hint, holds in shown["annotations"].items() if holds}
        assert (shown["title"], hints) == (contract[name]["title"], {*contract[name]["hints"]})


def test_parameters_of_the_contract_are_taken(contract):
    for name in contract.keys() & TOOLS.keys():
        missing = {*contract[name]["parameters"]} - TOOLS[name].arguments.keys()
        later = FILTERS_OF_THE_RELEASED_REVISION
        assert [each for each in missing if not each.endswith("_in") and each not in later] == [], name
        assert not NOISE & TOOLS[name].arguments.keys()


def test_every_list_has_page_size_and_sort_and_its_ranges():
    for name, tool in TOOLS.items():
        if "page" in tool.arguments:
            assert {"page_size", "sort"} <= tool.arguments.keys(), name
            assert not {"order_by", "order_directions"} & tool.arguments.keys(), name
    for name in ("list_nodes", "list_commands", "list_clusters"):
        assert {"inserted_at_gte", "inserted_at_lte"} <= TOOLS[name].arguments.keys()
