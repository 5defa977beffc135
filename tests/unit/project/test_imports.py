"""`make check` fails on an import that breaks the house: each contract is shown one, added to the graph of the code."""

import ast
import copy
import sys
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace

import grimp
import pytest
from importlinter.application import use_cases
from importlinter.configuration import configure
from importlinter.domain.contract import registry

from chalicelib.families import NAMES, family
from chalicelib.platform.family import FAMILY as PLATFORM_FAMILY
from infra.house.imports import PLATFORM, STORES, ContextLayers, FamilyDoors, FamilyLayers, is_one_of

ROOT = Path(__file__).resolve().parents[3]
SESSION = {"root_packages": ["chalicelib"]}

ROWS = {
    "Table", "Put", "Update", "Delete", "Check", "Query", "put_new", "Set", "SetIfAbsent", "Add", "Remove", "Index",
}  # fmt: skip
"""The words of `kit.tables` that name keys and attributes."""

NO_STORES = {
    "fleet/metrics/recounting.py": "the counts of a cluster in the tables of several contexts",
    "fleet/targeting/fan_out.py": "the parts of a fan-out, which commands and self-updates keep alike",
    "platform/background/due.py": "what is due, of all tenants, for the sweeps of families",
    "platform/sealing/resealing.py": "the sealed attributes of every table, which its context declares",
}
"""Modules of contexts that name attributes all the same, with the reason."""


@cache
def contracts():
    """The contracts of `.importlinter`, by id."""
    configure()
    options = use_cases.read_user_options(config_filename=str(ROOT / ".importlinter"))
    use_cases._register_contract_types(options)  # noqa: SLF001 - import-linter has no public way to register them
    return {
        one["id"]: registry.get_contract_class(one["type"])(one["name"], options.session_options, dict(one))
        for one in options.contracts_options
    }


@cache
def graph_of_the_code():
    return grimp.build_graph("chalicelib", include_external_packages=True, cache_dir=None)


@cache
def is_kept_today(contract):
    """Whether the code keeps the contract of that id."""
    return is_kept(contract)


def is_kept(contract, *imports):
    """Whether the code keeps the contract of that id with these imports (importer, imported) added."""
    graph = copy.deepcopy(graph_of_the_code())
    for importer, imported in imports:
        for module in (importer, imported):
            if module not in graph.modules:
                graph.add_module(module, is_squashed="." not in module)
        graph.add_import(importer=importer, imported=imported, line_number=1, line_contents="")
    return contracts()[contract].check(graph, verbose=False).kept


@pytest.mark.parametrize(
    ("contract", "importer", "imported"),
    [
        ("families", "chalicelib.platform.webhooks.rules", "chalicelib.fleet.nodes.model"),
        ("families", "chalicelib.web.headers", "chalicelib.fleet.nodes.model"),
        ("families", "chalicelib.platform.webhooks.rules", "chalicelib.web.headers"),
        ("families", "chalicelib.kit.clock", "chalicelib.platform.context"),
        ("kit", "chalicelib.kit.clock", "chalicelib.settings"),
        ("contexts", "chalicelib.fleet.clusters.rules", "chalicelib.fleet.nodes.model"),
        ("contexts", "chalicelib.fleet.vpn.port", "chalicelib.fleet.mesh.store"),
        ("contexts", "chalicelib.fleet.nodes.reading", "chalicelib.fleet.wiring"),
        ("contexts", "chalicelib.fleet.nodes.reading", "chalicelib.fleet.workers.check_health"),
        ("contexts", "chalicelib.platform.access.keys", "chalicelib.platform.webhooks.model"),
        ("stores", "chalicelib.fleet.commands.execution_store", "chalicelib.fleet.nodes.walk_store"),
        ("stores", "chalicelib.fleet.ssh.attempt_store", "chalicelib.fleet.clusters.subnet_store"),
        ("pure", "chalicelib.fleet.nodes.rules", "chalicelib.fleet.nodes.exclusion_store"),
        ("pure", "chalicelib.fleet.commands.model", "chalicelib.fleet.commands.service"),
        ("pure", "chalicelib.platform.webhooks.attempts", "chalicelib.platform.webhooks.delivery_store"),
        ("frameworks", "chalicelib.fleet.nodes.reading", "chalice"),
        ("frameworks", "chalicelib.platform.events.service", "botocore"),
        ("sdk", "chalicelib.kit.log", "boto3"),
    ],
)
def test_wrong_import_breaks_its_contract(contract, importer, imported):
    assert is_kept_today(contract)
    assert not is_kept(contract, (importer, imported))


@pytest.mark.parametrize("hop", ["chalicelib.families", "chalicelib.fleet.fields"])
def test_detour_through_another_module_breaks_the_contract_too(hop):
    imports = (("chalicelib.platform.events.store", hop), (hop, "chalicelib.fleet.nodes.model"))
    assert not is_kept("families", *imports)


def test_family_package_outside_its_contexts_breaks_the_order():
    graph = copy.deepcopy(graph_of_the_code())
    graph.add_module("chalicelib.fleet.stray")
    graph.add_module("chalicelib.fleet.stray.service")
    assert not contracts()["contexts"].check(graph, verbose=False).kept


def test_contexts_named_in_family_values_are_the_folders_with_a_context_value():
    for name, contexts in ((PLATFORM, PLATFORM_FAMILY.contexts), *((name, family(name).contexts) for name in NAMES)):
        folders = {path.parent.name for path in (ROOT / "chalicelib" / name).glob("*/context.py")}
        assert {context.name for context in contexts} == folders


class TestFamilyToCome:
    """A house of two families that needs no line in `.importlinter`: machines stand on the fleet."""

    @pytest.fixture
    def graph(self, monkeypatch):
        values = {
            "families": {"NAMES": ("fleet", "machines")},
            "platform.family": {"FAMILY": SimpleNamespace(contexts=())},
            "fleet.family": {"FAMILY": SimpleNamespace(contexts=(SimpleNamespace(name="nodes"),))},
            "machines.family": {
                "FAMILY": SimpleNamespace(contexts=(SimpleNamespace(name="hosted"), SimpleNamespace(name="instances")))
            },
        }
        for name, attributes in values.items():
            module = ModuleType(f"house.{name}")
            module.__dict__.update(attributes)
            monkeypatch.setitem(sys.modules, f"house.{name}", module)
        for name in ("house", "house.platform", "house.fleet", "house.machines"):
            monkeypatch.setitem(sys.modules, name, ModuleType(name))
        graph = grimp.ImportGraph()
        for name in (
            *("house", "house.kit", "house.platform", "house.web", "house.families"),
            *("house.fleet", "house.fleet.public", "house.fleet.nodes", "house.fleet.nodes.service"),
            *("house.machines", "house.machines.hosted", "house.machines.hosted.service"),
            *("house.machines.instances", "house.machines.instances.service"),
        ):
            graph.add_module(name)
        graph.add_import(importer="house.machines.hosted.service", imported="house.fleet.public")
        graph.add_import(importer="house.fleet.public", imported="house.fleet.nodes.service")
        return graph

    def kept(self, contract_type, graph):
        return contract_type("house", {"root_packages": ["house"]}, {"root": "house"}).check(graph, verbose=False).kept

    def test_higher_family_may_use_the_public_module_of_a_lower_one(self, graph):
        assert all(self.kept(each, graph) for each in (FamilyLayers, FamilyDoors, ContextLayers))

    def test_higher_family_may_not_pass_by_the_public_module(self, graph):
        graph.add_import(importer="house.machines.instances.service", imported="house.fleet.nodes.service")
        assert self.kept(FamilyLayers, graph)
        assert not self.kept(FamilyDoors, graph)

    def test_lower_family_may_not_import_a_higher_one(self, graph):
        graph.add_import(importer="house.fleet.nodes.service", imported="house.machines.instances.service")
        assert not self.kept(FamilyLayers, graph)

    def test_earlier_context_may_not_import_a_later_one(self, graph):
        graph.add_import(importer="house.machines.hosted.service", imported="house.machines.instances.service")
        assert not self.kept(ContextLayers, graph)


def modules_of_contexts():
    """Every module in the folder of a context: path below `chalicelib` -> its syntax tree."""
    folders = [path.parent for name in (PLATFORM, *NAMES) for path in (ROOT / "chalicelib" / name).glob("*/context.py")]
    return {
        path.relative_to(ROOT / "chalicelib").as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for folder in folders
        for path in sorted(folder.glob("*.py"))
    }


def names_from_tables(tree):
    """The names that a module imports from `kit.tables`."""
    return {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("chalicelib.kit.tables")
        for alias in node.names
    }


def called(tree):
    """The plain names that a module calls."""
    return {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}


def test_module_that_names_keys_or_attributes_is_a_store():
    naming = {path for path, tree in modules_of_contexts().items() if names_from_tables(tree) & ROWS & called(tree)}
    stores = {path for path in naming if is_one_of(path.removesuffix(".py").replace("/", "."), "chalicelib", STORES)}
    assert naming - stores == set(NO_STORES)


def test_module_that_decides_reads_and_writes_no_tables():
    patterns = contracts()["pure"].texts("pure")
    deciding = {
        path: names_from_tables(tree)
        for path, tree in modules_of_contexts().items()
        if is_one_of(path.removesuffix(".py").replace("/", "."), "chalicelib", patterns)
    }
    assert len(deciding) > 20
    assert {path for path, names in deciding.items() if "Tables" in names} == set()


def test_no_family_reads_whole_tables_of_tenants():
    """The relay, recounts and a change of the data key work on the rows of all tenants alike; others are scoped."""
    readers = {
        path.relative_to(ROOT / "chalicelib").parts[0]
        for path in (ROOT / "chalicelib").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.alias) and node.name == "whole"
    }
    assert readers == {"platform"}


def test_kit_has_no_domain_words_in_names():
    words = {"node", "cluster", "command", "webhook", "alias", "enrollment", "fleet", "mesh"}
    found = set()
    for path in sorted((ROOT / "chalicelib" / "kit").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.alias) or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)):
                continue
            named = getattr(node, "name", None) or getattr(node, "arg", None) or getattr(node, "id", None)
            if isinstance(named, str) and words & {word.rstrip("s") for word in named.lower().strip("_").split("_")}:
                found.add((path.name, named))
    assert found == set()
