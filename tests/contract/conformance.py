"""What the route tests exercise of each API's document, as tables: ``python -m tests.contract.conformance`` with any
options of pytest.

Runs `RECORDED`, slow tests as well, with `tests.contract.recording`. Writes docs/conformance.md about the fleet's
contract where EDGE_CONTRACT_DIR names its folder, else build/conformance.md about our own document; and for each API of
the other families docs/conformance-NAME.md about its own document. Fails if a test fails, if an answer does not fit its
schema, if a status of the contract or of another family's document was not seen and no reason for that stands here, and
if a status is no longer exercised that the committed table had.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from chalicelib import families
from chalicelib.fleet.api.protocol import AUGUST_2026
from chalicelib.fleet.api.protocol import MAY_2026 as FIRST
from chalicelib.web.api import Api
from chalicelib.web.dispatch import ON_EVERY_HOST
from tests.support.published import LATER_OPENAPI, OPENAPI

Json = Mapping[str, Any]
Reasons = Mapping[tuple[str, str], str]
"""Operation (``GET /path``) and status -> a sentence."""

ROOT = Path(__file__).parents[2]
RECORDS = ROOT / "build" / "conformance"
CONTRACT_DIR = "EDGE_CONTRACT_DIR"
FITS = "✓"

RECORDED = (
    "tests/api",
    "tests/contract",
    "tests/application/project/test_every_repeat.py",
    "tests/application/project/test_every_tenant.py",
)
"""The tests whose answers count: those of single operations, of repeats of every one that takes a key for them, and of
callers of other tenants."""

_ALWAYS = "answers 200 whatever happens, as the contract's own server; a half that cannot be had says so"
NOT_PROVOKED: Reasons = {
    ("GET /api/v1/nodes/{node_id}/metrics", "404"): _ALWAYS,
    ("GET /api/v1/nodes/{node_id}/metrics", "503"): _ALWAYS,
}

NOT_FITTING: Reasons = {
    ("GET /api/v1/nodes/{node_id}/metrics", "200"): "`cluster_name` is null for a node that is not known",
    ("GET /api/v1/nodes/{node_id}/metrics/host", "200"): "the contract leaves out the envelope, which its server sends",
}

HIDDEN = frozenset({"api_token", "proxy_password", "key", "command_text"})
"""Fields that are null for keys that may not see them. The contract has texts there."""

_INTRODUCTION = """# What is exercised of {title}

Written by `make conformance` from a run of the route tests; not by hand. For the intended differences, by subject, see
[deviations]({docs}deviations.md).

✓: tests provoked the status, and each answer fitted its schema, except that fields that a key may not see are null.
{besides}"""

_BESIDES = """Statuses in brackets are answered besides, documented in our own [openapi.json]({docs}openapi.json) and
checked against it.
"""
_OWN = """The document is generated from the models and committed ([openapi]({docs}{name}-openapi.json)).
"""


@dataclass
class Seen:
    """What was recorded of one operation: status -> the errors of its answers, none if all fitted."""

    statuses: dict[str, list[str]]


@dataclass(frozen=True)
class Source:
    """A document that answers are held to. ``is_contract``: every status of it is to be seen; the fleet's own document
    promises refusals that are tested where they are made. Reasons are why no request leads to a status, and why answers
    are meant to differ from the schema. ``target`` is the file of its table. ``revision`` is the one of the API that it
    describes, where there are several."""

    document: Json
    is_contract: bool
    not_provoked: Reasons = field(default_factory=dict)
    not_fitting: Reasons = field(default_factory=dict)
    title: str = "the Edge Admin v0.2.0 contract"
    target: Path = ROOT / "docs" / "conformance.md"
    revision: str = ""

    @property
    def is_committed(self) -> bool:
        return self.target.parent.name == "docs"

    def operations(self) -> Iterator[tuple[str, Json]]:
        """``GET /path`` and the operation, in the document's order."""
        for path, methods in self.document["paths"].items():
            for method, operation in methods.items():
                yield f"{method.upper()} {path}", operation


def sources() -> list[Source]:
    """The documents of all APIs, the fleet's first: the contract where its folder is named, else docs/openapi.json.
    Raises FileNotFoundError if one is not there."""
    folder = os.environ.get(CONTRACT_DIR, "")
    if folder:
        fleet = [
            Source(
                _read(Path(folder) / file),
                is_contract=True,
                not_provoked=NOT_PROVOKED,
                not_fitting=NOT_FITTING,
                title=f"the Edge Admin v0.2.0 contract of {published}",
                revision=revision,
            )
            for file, published, revision in ((OPENAPI, "May 2026", FIRST), (LATER_OPENAPI, "August 2026", AUGUST_2026))
        ]
    else:
        own = _read(ROOT / "docs" / "openapi.json")
        target = ROOT / "build" / "conformance.md"
        fleet = [Source(own, is_contract=False, title="our own document", target=target)]
    return [*fleet, *(_of_api(api) for name in families.NAMES[1:] for api in families.apis_of(name))]


def _of_api(api: Api) -> Source:
    """The own document of an API of another family than the fleet, without the routes of every host."""
    document = dict(_read(api.document))
    document["paths"] = {path: item for path, item in document["paths"].items() if path not in ON_EVERY_HOST}
    name = api.published.removesuffix("openapi.json").strip("-")
    target = ROOT / "docs" / f"conformance-{name}.md"
    return Source(document, is_contract=True, title=f"the API {api.name}", target=target)


def named(revision: str, operation: str) -> str:
    """The operation in a revision."""
    return f"{revision} {operation}".strip()


def _read(file: Path) -> Json:
    document: Json = json.loads(file.read_text(encoding="utf-8"))
    return document


def merged(folder: Path) -> dict[str, Seen]:
    """What all processes of the run recorded."""
    seen: dict[str, Seen] = {}
    for file in sorted(folder.glob("*.json")):
        for operation, statuses in json.loads(file.read_text(encoding="utf-8")).items():
            known = seen.setdefault(operation, Seen({}))
            for status, errors in statuses.items():
                known.statuses.setdefault(status, []).extend(errors)
    return seen


def faults(documented: Source, seen: Mapping[str, Seen]) -> list[str]:
    """What must not be, one line each. Of the fleet's own document only what does not fit: it promises the same
    refusals everywhere, which are tested where they are made."""
    found = []
    for name, operation in documented.operations():
        statuses = seen.get(named(documented.revision, name), Seen({})).statuses
        for status in operation["responses"]:
            key, errors = (name, status), statuses.get(status, [])
            if errors and key not in documented.not_fitting:
                found.append(f"{name}: {status} does not fit: {errors[0]}")
            if documented.is_contract and status not in statuses and key not in documented.not_provoked:
                found.append(f"{name}: {status} was not provoked")
            provoked_after_all = status in statuses and key in documented.not_provoked
            if provoked_after_all or (not errors and key in documented.not_fitting):
                found.append(f"{name}: the reason given for {status} no longer holds")
    return found


def table(documented: Source, seen: Mapping[str, Seen]) -> str:
    """A part of the page. Deterministic: no counts of answers and no times."""
    at = partial(named, documented.revision)
    rows = [
        (name, [(status, _mark(at(name), status, seen)) for status in sorted(operation["responses"])])
        for name, operation in documented.operations()
    ]
    marks = [mark for _, cells in rows for _, mark in cells]
    lines = [
        _introduction(documented),
        f"{len(rows)} operations, {len(marks)} documented statuses: {marks.count(FITS)} exercised and fitting.",
        "\n| operation | statuses |\n| --- | --- |",
        *(_row(name, cells, seen.get(at(name), Seen({}))) for name, cells in rows),
    ]
    reasons = {**documented.not_provoked, **documented.not_fitting}
    if reasons:
        lines.append("\n## Not provoked, or not fitting\n\n| operation | status | reason |\n| --- | --- | --- |")
        lines += [f"| `{name}` | {status} | {reason} |" for (name, status), reason in sorted(reasons.items())]
    return "\n".join(lines) + "\n"


def _introduction(documented: Source) -> str:
    docs = "" if documented.is_committed else "../docs/"
    name = documented.target.stem.removeprefix("conformance").strip("-")
    besides = (_OWN if name else _BESIDES).format(docs=docs, name=name)
    return _INTRODUCTION.format(title=documented.title, docs=docs, besides=besides)


def _mark(name: str, status: str, seen: Mapping[str, Seen]) -> str:
    statuses = seen.get(name, Seen({})).statuses
    if status not in statuses:
        return "not provoked"
    return "differs" if statuses[status] else FITS


def _row(name: str, cells: list[tuple[str, str]], seen: Seen) -> str:
    besides = sorted(set(seen.statuses) - {status for status, _ in cells})
    extra = f" ({', '.join(besides)})" if besides else ""
    return f"| `{name}` | {', '.join(f'{status} {mark}' for status, mark in cells)}{extra} |"


def exercised(page: str) -> set[tuple[str, str]]:
    """Operation and status of every answer that a page of this module tells of."""
    return {
        (name, status)
        for name, cells in re.findall(r"^\| `(.+?)` \| ([^|]+?) \|$", page, re.MULTILINE)
        for status in re.findall(r"\b(\d{3})\b(?! not provoked)", cells)
    }


def lost(before: str, after: str) -> list[str]:
    """A line for each status that the committed page tells of and the new one does not: the list only grows."""
    return [f"{name}: {status} is no longer exercised" for name, status in sorted(exercised(before) - exercised(after))]


def main(options: list[str]) -> int:
    shutil.rmtree(RECORDS, ignore_errors=True)
    RECORDS.mkdir(parents=True)
    every = ("-m", "slow or not slow")
    command = [sys.executable, "-m", "pytest", "-q", *every, "-p", "tests.contract.recording", *RECORDED]
    failed = subprocess.run([*command, *options], cwd=ROOT, check=False).returncode
    seen = merged(RECORDS)
    targets: dict[Path, list[Source]] = {}
    for documented in sources():
        targets.setdefault(documented.target, []).append(documented)
    wrong = [line for target, several in targets.items() for line in _write(target, several, seen)]
    for line in wrong:
        sys.stderr.write(f"{line}\n")
    return 1 if failed or wrong else 0


def _write(target: Path, documented: Sequence[Source], seen: Mapping[str, Seen]) -> list[str]:
    """Write the tables of the documents that share a page, and return what must not be."""
    page = "\n".join(table(each, seen) for each in documented)
    before = target.read_text(encoding="utf-8") if documented[0].is_committed and target.exists() else page
    target.write_text(page, encoding="utf-8")
    sys.stdout.write(f"wrote {target.relative_to(ROOT)}\n")
    return [fault for each in documented for fault in faults(each, seen)] + lost(before, page)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
