"""Names of tests that do not say their subject, or cannot be read at a glance."""

import ast
from collections.abc import Iterator
from typing import Final

from infra.house.findings import Finding
from infra.house.sources import Source

SUBJECTLESS: Final = frozenset(
    [
        "and",
        "another",
        "anything",
        "by",
        "everybody",
        "everyone",
        "everything",
        "in",
        "it",
        "its",
        "neither",
        "nobody",
        "nor",
        "not",
        "nothing",
        "of",
        "one",
        "others",
        "so",
        "that",
        "they",
        "this",
        "those",
        "what",
        "whatever",
        "where",
        "who",
        "whoever",
        "with",
        "without",
    ]
)
"""First words after which a subject is missing, or is found only in the test's class, file or neighbour."""
FEWEST_WORDS: Final = 3
LONGEST: Final = 75
"""Characters of a name, with its ``test_``."""


def find(source: Source) -> Iterator[Finding]:
    functions: list[ast.FunctionDef | ast.AsyncFunctionDef] = source.nodes(ast.FunctionDef)
    for node in [*functions, *source.nodes(ast.AsyncFunctionDef)]:
        if not node.name.startswith("test_"):
            continue
        words = node.name.removeprefix("test_").split("_")
        if words[0] in SUBJECTLESS:
            wrong = f"{node.name} begins with {words[0]!r}"
        elif len(words) < FEWEST_WORDS:
            wrong = f"{node.name} has fewer than {FEWEST_WORDS} words"
        elif len(node.name) > LONGEST:
            wrong = f"{node.name} has more than {LONGEST} characters"
        else:
            continue
        instead = "say subject, condition and result, as test_unknown_cluster_is_404"
        yield Finding(source.path, node.lineno, "test-names", wrong, instead)
