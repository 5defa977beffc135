"""Constructions that plain English does without, in docstrings, comments, published descriptions and documents."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from infra.house.findings import Finding
from infra.house.prose import HasProse, Prose


@dataclass(frozen=True)
class Construction:
    """``at_start``: refused only as the first word of a text. A question is never refused."""

    pattern: re.Pattern[str]
    wrong: str
    instead: str
    at_start: bool = False

    def found_in(self, prose: Prose) -> Iterator[re.Match[str]]:
        if self.at_start:
            matches = [found] if (found := self.pattern.match(prose.text)) else []
        else:
            matches = list(self.pattern.finditer(prose.text))
        for found in matches:
            sentence = re.match(r"[^.?!]*[.?!]?", prose.text[found.start() :])
            if sentence is None or not sentence.group().endswith("?"):
                yield found


CONSTRUCTIONS = (
    Construction(
        re.compile(r"\bOf (?!course\b)"),
        "a sentence that starts with 'Of …'",
        "start with the subject ('Of an output the head is kept' -> 'Keeps the head of an output')",
    ),
    Construction(
        re.compile(r"\b(?:What|Who|Whom|Whose)\b"),
        "a relative clause in place of a noun ('What …', 'Who …')",
        "name the thing ('What waits' -> 'The pending executions')",
    ),
    Construction(
        re.compile(r"Where\b"),
        "a relative clause in place of a noun ('Where …')",
        "name the thing ('Where lines go' -> 'The destination of log lines'); for a condition write 'If' or 'When'",
        at_start=True,
    ),
    Construction(
        re.compile(r"\bThat (?:no|a|an|the|there|it|they|nothing|none|every|all|each)\b|\bBeing \w+"),
        "a clause as the subject ('That no …', 'Being …')",
        "say what happens ('That no node matches is no error' -> 'Succeeds even if no node matches')",
    ),
    Construction(
        re.compile(
            r"(?<![Tt]here )\b(?:is|are|was|were) (?:none\b"
            r"|no (?!longer\b|more\b|less\b|such\b|one\b|way\b|earlier\b|later\b))"
        ),
        "'is none' or 'is no …' for 'is not'",
        "write 'is not …' or 'invalid' ('a secret that is none' -> 'an invalid secret')",
    ),
    Construction(
        re.compile(r"(?<!there )\b(?:is|are) no more\b(?! than)"),
        "'is no more'",
        "write 'no longer exists'",
    ),
    Construction(
        re.compile(r"\b[Ww]hoever\b"),
        "'whoever'",
        "name the actor: the caller, the operator, the other writer",
    ),
    Construction(
        re.compile(r"\b[Nn]obody\b"),
        "'nobody'",
        "name the actor ('nobody has written it since' -> 'it has not changed since')",
    ),
    Construction(
        re.compile(r"\b(?:[Ff]or|[Tt]o|[Oo]f|[Ff]rom|[Bb]y|[Ww]ith|[Oo]nly) who\b"),
        "'who' without a noun before it",
        "name the actor ('only who holds the lock' -> 'only the holder of the lock')",
    ),
    Construction(
        re.compile(r"(?:s'|'s) sake\b"),
        "'for …'s sake'",
        "say 'because'",
    ),
    Construction(
        re.compile(r"(?<![\w,] )\bElse\b(?! None)"),
        "a sentence that starts with 'Else'",
        "write 'Otherwise'",
    ),
    Construction(
        re.compile(r"\b[Hh]eard\b"),
        "'heard' for a sign of life",
        "use the field's terms: heartbeat, last seen, request",
    ),
    Construction(
        re.compile(r"\bthere is to\b"),
        "'what there is to …'",
        "name the thing",
    ),
    Construction(
        re.compile(r", whatever (?:the|its|their|it|this|that)\b"),
        "', whatever the …'",
        "write 'regardless of the …'",
    ),
    Construction(
        re.compile(r"\b(?:com(?:e|es|ing)|came) first (?:with|each)\b|\b(?:keep|kept|keeps) coming first\b"),
        "'others come first' for a lost race",
        "write 'lost the race' or 'the row is contended'",
    ),
    Construction(
        re.compile(
            r"\b(?:behind|after|at) the place\b|\bthe place (?:of the last|after|behind)\b"
            r"|\bplaces? (?:left|free)\b|\bplaces? in (?:it|a queue|the queue|a walk|that walk)\b"
        ),
        "'place' for a cursor, an index or a slot",
        "use the term: cursor, position, index, slot, capacity",
    ),
)


def find(source: HasProse) -> Iterator[Finding]:
    for prose in source.prose:
        for each in CONSTRUCTIONS:
            for found in each.found_in(prose):
                yield Finding(source.path, prose.line_at(found.start()), "words", each.wrong, each.instead)
