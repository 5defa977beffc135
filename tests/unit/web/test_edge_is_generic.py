"""The edge serves every family: it imports none, and its code names nothing of one."""

import re
from pathlib import Path

WEB = Path(__file__).parents[3] / "chalicelib" / "web"

FAMILY_WORDS = re.compile(r"\b(nodes?|agents?|clusters?|degraded|fleet|operators?)\b", re.IGNORECASE)

OF_OTHERS = {
    "OperatorKeys": "the platform's name for the keys of the settings",
    "Their callers are agents, who act on their own node": "of the page for readers",
    "The roles are `viewer`, `operator` and `admin`": "the names of the platform's roles",
}


def test_web_modules_contain_no_words_of_a_family():
    found = []
    for file in sorted(WEB.rglob("*.py")):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            if FAMILY_WORDS.search(line) and not any(known in line for known in OF_OTHERS):
                found.append(f"{file.name}:{number}: {line.strip()}")
    assert found == []
