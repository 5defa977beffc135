"""The rules: what each is called, why it is there, and which folders it holds for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from infra.house import documents, kept_errors, names, names_of_tests, purity, raises, repeats, sizes, words
from infra.house.documents import Document
from infra.house.findings import Finding
from infra.house.sources import Source

FUNCTIONS = ("app.py", "chalicelib")
CODE = (*FUNCTIONS, "infra", "samples/agent/edge_agent")
PROSE = (*CODE, "samples", "tests/support")
TESTS = "samples/agent/tests"
NAMED_TESTS = ("tests",)
READ = (*PROSE, *NAMED_TESTS)
"""Every folder that a rule is for."""


@dataclass(frozen=True)
class Rule:
    """``name`` is what findings carry. ``folders``: the paths below one of them are checked, but for `TESTS`."""

    name: str
    reason: str
    folders: tuple[str, ...]
    find: Callable[[Source], Iterator[Finding]]

    def covers(self, path: str) -> bool:
        inside = any(path == folder or path.startswith(f"{folder}/") for folder in self.folders)
        return inside and not path.startswith(f"{TESTS}/")


@dataclass(frozen=True)
class DocumentRule:
    name: str
    reason: str
    find: Callable[[Document], Iterator[Finding]]


RULES = (
    Rule("clock", "a test moves time by hand", FUNCTIONS, purity.find_clock),
    Rule("randomness", "a test and a simulation repeat a run from its seed", FUNCTIONS, purity.find_randomness),
    Rule("sleep", "a sleeping function costs as much as a working one", FUNCTIONS, purity.find_sleep),
    Rule("scan", "a scan costs as much as the table is large", (*FUNCTIONS, "infra"), purity.find_scan),
    Rule("kept-error", "each raise of a kept error adds to its traceback", CODE, kept_errors.find),
    Rule("words", "a reader meets the code for the first time", PROSE, words.find),
    Rule("repeats-name", "a text without information costs a reader's time", PROSE, repeats.find),
    Rule("raises", "errors are found by one form", PROSE, raises.find),
    Rule("names", "one name per thing, one thing per name", PROSE, names.find),
    Rule("test-names", "a list of test names is the list of what holds", NAMED_TESTS, names_of_tests.find),
    Rule("size", "a file is read at one sitting", CODE, sizes.find),
)

DOCUMENT_RULES = (
    DocumentRule("api-operation", "an API user reads the document only", documents.find_operations),
    DocumentRule("api-field", "an API user reads the document only", documents.find_fields),
    DocumentRule("api-shared", "a description that fits two fields explains neither", documents.find_shared),
    DocumentRule("api-example", "an example that is not valid misleads", documents.find_examples),
)
