"""Contracts for import-linter that follow the families' values, so that a new family needs no line in `.importlinter`.

Each derives contracts of import-linter's own types from ``<root>.families`` and checks them; the `Context.name`s of a
`Family` are the folders of its contexts.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from importlib import import_module
from typing import Any, Final

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.layers import LayersContract
from importlinter.contracts.protected import ProtectedContract

PLATFORM: Final = "platform"
BELOW_FAMILIES: Final = ("web", PLATFORM, "(settings)", "kit")
"""The layers below the families, highest first."""

ABOVE_CONTEXTS: Final = ("(family)", "(api) | (workers)", "(public)", "(wiring)")
"""The parts of a family above its contexts, highest first."""

STORES: Final = ("store", "*_store")
"""The names of modules that know keys and attributes of rows."""


def contexts_of(root: str, family: str) -> list[str]:
    """The folders of a family's contexts in their order: each may import those before it."""
    declared = import_module(f"{root}.{family}.family").FAMILY
    return [context.name for context in declared.contexts]


def families_of(root: str) -> list[str]:
    """The names of all families, lowest first."""
    return list(import_module(f"{root}.families").NAMES)


class Derived(Contract):
    """A contract that is kept if all of the contracts that `derive` returns are."""

    root = fields.StringField(required=False, default="chalicelib")
    ignore_imports = fields.ListField(subfield=fields.StringField(), required=False)
    unmatched_ignore_imports_alerting = fields.StringField(required=False, default="error")

    @property
    def package(self) -> str:
        """The root package."""
        return str(self.root)

    def texts(self, option: str) -> list[str]:
        """The lines of an option."""
        return [str(text) for text in getattr(self, option) or ()]

    def derive(self, graph: ImportGraph) -> Iterator[Contract]:
        """The contracts to check."""
        raise NotImplementedError

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: FBT001 import-linter's signature
        checks = [(each, each.check(copy.deepcopy(graph), verbose)) for each in self.derive(graph)]
        ignored = max((check.ignored_import_count for _, check in checks), default=0)
        return ContractCheck(
            kept=all(check.kept for _, check in checks),
            metadata={"checks": checks},
            warnings=sorted({text for _, check in checks for text in check.warnings}),
            ignored_import_count=ignored,
        )

    def render_broken_contract(self, check: ContractCheck) -> None:
        for contract, one in check.metadata["checks"]:
            if not one.kept:
                output.print_error(contract.name)
                contract.render_broken_contract(one)

    def _make(self, contract_type: type[Contract], name: str, **options: Any) -> Contract:
        ignored = self.texts("ignore_imports")
        alerting = self.unmatched_ignore_imports_alerting
        more = {"ignore_imports": ignored, "unmatched_ignore_imports_alerting": alerting}
        return contract_type(name, self.session_options, {**options, **more})


class FamilyLayers(Derived):
    """Families stand on each other in the order of `families.NAMES`, above web, platform and kit."""

    def derive(self, graph: ImportGraph) -> Iterator[Contract]:
        del graph
        layers = ["(bootstrap)", *reversed(families_of(self.package)), *BELOW_FAMILIES]
        yield self._make(LayersContract, "families", layers=layers, containers=[self.package])


class FamilyDoors(Derived):
    """Other families import of a family its module ``public`` alone, and ``facts``, which names its internal events
    for functions that need nothing else of it. ``composition`` names modules of the root that put families together,
    and may import all of them."""

    composition = fields.ListField(subfield=fields.StringField(), required=False)

    def derive(self, graph: ImportGraph) -> Iterator[Contract]:
        for family in families_of(self.package):
            package = f"{self.package}.{family}"
            inside = sorted(graph.find_children(package) - {f"{package}.public", f"{package}.facts"})
            yield self._make(
                ProtectedContract,
                f"{package}: others import its public module alone",
                protected_modules=inside,
                allowed_importers=[package, *self.texts("composition")],
            )


class ContextLayers(Derived):
    """The contexts of a family stand in the order of its `Family.contexts`, and every package of the family is one of
    them, or holds its routes or workers."""

    def derive(self, graph: ImportGraph) -> Iterator[Contract]:
        for family in (PLATFORM, *families_of(self.package)):
            package = f"{self.package}.{family}"
            children = graph.find_children(package)
            modules = sorted(child.rsplit(".", 1)[1] for child in children if not graph.find_children(child))
            contexts = contexts_of(self.package, family)
            yield self._make(
                LayersContract,
                package,
                layers=[*ABOVE_CONTEXTS, *reversed(contexts)],
                containers=[package],
                exhaustive="True",
                exhaustive_ignores=[name for name in modules if name not in contexts],
            )


class StoresApart(Derived):
    """A store imports no store of another context."""

    def derive(self, graph: ImportGraph) -> Iterator[Contract]:
        stores = modules_of_contexts(graph, self.package, STORES)
        for context in sorted({store.rsplit(".", 1)[0] for store in stores}):
            own = [store for store in stores if store.startswith(f"{context}.")]
            others = [store for store in stores if store not in own]
            yield self._make(
                ForbiddenContract, f"{context}: stores", source_modules=own, forbidden_modules=others or ["nothing"]
            )


class Frameworks(Derived):
    """No module of a context imports a framework or an SDK itself."""

    forbidden_modules = fields.ListField(subfield=fields.StringField())

    def derive(self, graph: ImportGraph) -> Iterator[Contract]:
        del graph
        for family in (PLATFORM, *families_of(self.package)):
            yield self._make(
                ForbiddenContract,
                f"{self.package}.{family}: frameworks",
                source_modules=[f"{self.package}.{family}.{context}" for context in contexts_of(self.package, family)],
                forbidden_modules=self.texts("forbidden_modules"),
                allow_indirect_imports="True",
            )


class PureModules(Derived):
    """A module that decides may import other modules of contexts only if they decide, too: no store, no use case.
    ``pure`` lists them by name or, with dots, by their path below the root; both may hold wildcards."""

    pure = fields.ListField(subfield=fields.StringField())

    def derive(self, graph: ImportGraph) -> Iterator[Contract]:
        inside = set(modules_of_contexts(graph, self.package, ("*",)))
        patterns = self.texts("pure")
        pure = {module for module in inside if is_one_of(module, self.package, patterns)}
        yield self._make(
            ForbiddenContract,
            "modules that decide",
            source_modules=sorted(pure),
            forbidden_modules=sorted(inside - pure),
            as_packages="False",
        )


def modules_of_contexts(graph: ImportGraph, root: str, names: Sequence[str]) -> list[str]:
    """The modules of all contexts with one of these names; not ``context``."""
    found = []
    for family in (PLATFORM, *families_of(root)):
        for context in contexts_of(root, family):
            package = f"{root}.{family}.{context}"
            for module in sorted(graph.find_children(package)):
                name = module.rsplit(".", 1)[1]
                if name != "context" and any(fnmatchcase(name, pattern) for pattern in names):
                    found.append(module)
    return found


def is_one_of(module: str, root: str, patterns: Sequence[str]) -> bool:
    """Whether a module's name, or its path below the root, matches one of the patterns."""
    path = module.removeprefix(f"{root}.")
    name = path.rsplit(".", 1)[-1]
    return any(fnmatchcase(path if "." in pattern else name, pattern) for pattern in patterns)
