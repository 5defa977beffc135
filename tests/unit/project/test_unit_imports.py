"""Unit tests build what they test: none imports a whole application, not even by way of another module."""

import grimp

WHOLE = ("tests.support.world", "tests.support.timed_world", "tests.support.large_world")
"""Modules that put an application together."""

MEASURED = "tests.unit.project.test_cost_document"
"""It compares a document with figures that the cost model measures in a world."""


def chains(graph: grimp.ImportGraph) -> list[tuple[str, ...]]:
    """For each unit test that imports an application: the modules from the one to the other."""
    tests = sorted(graph.find_descendants("tests.unit") - {MEASURED})
    found = (graph.find_shortest_chain(test, world) for test in tests for world in WHOLE)
    return [chain for chain in found if chain]


def test_unit_tests_import_no_whole_application():
    assert chains(grimp.build_graph("tests", cache_dir=None)) == []


def test_application_imported_by_way_of_another_module_is_found():
    graph = grimp.build_graph("tests", cache_dir=None)
    graph.add_import(importer="tests.unit.fleet.ssh.test_rules", imported="tests.support.builders")

    assert chains(graph) == [("tests.unit.fleet.ssh.test_rules", "tests.support.builders", WHOLE[0])]
