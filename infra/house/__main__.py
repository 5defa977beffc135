"""Command line: ``python -m infra.house [openapi | known | all]``.

Without an argument it prints the findings that are neither exempt nor known, and fails if there are any. ``openapi``:
those of the published documents, the known ones too. ``all``: every finding that is not exempt. ``known``: writes the
counts of now to ``known.txt``; refused while a rule has more findings than before.
"""

import gc
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from infra.house import documents, exceptions, known, markdown, sources, words
from infra.house.exceptions import EXCEPTIONS, Exempt
from infra.house.findings import Finding
from infra.house.rules import DOCUMENT_RULES, READ, RULES

ROOT = Path(__file__).resolve().parents[2]
USAGE = "usage: python -m infra.house [openapi | known | all]"


def in_sources(root: Path) -> Iterator[Finding]:
    for source in sources.read(root, READ):
        for rule in (each for each in RULES if each.covers(source.path)):
            yield from rule.find(source)


def in_markdown(root: Path) -> Iterator[Finding]:
    for document in markdown.read(root):
        yield from words.find(document)


def in_documents(root: Path) -> Iterator[Finding]:
    for document in documents.read(root):
        for rule in DOCUMENT_RULES:
            yield from rule.find(document)


def main(arguments: list[str], root: Path = ROOT, exempt: Sequence[Exempt] = EXCEPTIONS) -> int:
    if arguments not in ([], ["openapi"], ["known"], ["all"]):
        print(USAGE, file=sys.stderr)
        return 2
    if arguments == ["openapi"]:
        return _show(in_documents(root))
    findings = [*exceptions.apply([*in_sources(root), *in_markdown(root), *in_documents(root)], exempt)]
    if arguments == ["all"]:
        return _show(findings)
    path = root / known.FILE
    before = known.parse(path.read_text(encoding="utf-8"))
    if arguments == ["known"]:
        try:
            now = known.lowered(findings, before)
        except known.RaisedError as error:
            print(error, file=sys.stderr)
            return 1
        path.write_text(known.text_of(now), encoding="utf-8")
        return 0
    status = _show(known.apply(findings, before))
    if status:
        print("Mend these. If findings were mended, or files moved or split: make format", file=sys.stderr)
    return status


def _show(findings: Iterable[Finding]) -> int:
    shown = sorted(findings)
    for each in shown:
        print(each)
    return 1 if shown else 0


if __name__ == "__main__":
    gc.disable()  # the syntax trees stay until the end; collecting between them takes 40 % of the time (measured)
    sys.exit(main(sys.argv[1:]))
