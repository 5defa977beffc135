"""When a node was in contact, from its transitions. Pure.

Nothing is counted up while events come in: gaps and shares follow from the transitions at the time of the question. So
a gap may cross hours and days, a gap that goes on ends when it is asked for, and an event that comes late puts right
what was answered before.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.machines.analytics.model import Contact, Gap, Span, Transition


@dataclass(frozen=True)
class _Piece:
    """A time of one contact. ``start`` None: from before what is known; ``end`` None: it goes on."""

    contact: Contact
    start: datetime | None
    end: datetime | None

    def within(self, span: Span) -> Span | None:
        """The part of it in a span."""
        start = span.start if self.start is None else max(span.start, self.start)
        end = span.end if self.end is None else min(span.end, self.end)
        return Span(start, end) if start < end else None


class Timeline:
    """The contact with a node, as far as these transitions tell it. ``now`` ends what goes on."""

    def __init__(self, transitions: Sequence[Transition], now: datetime) -> None:
        self._pieces = list(_pieces(sorted(transitions, key=lambda one: one.key)))
        # Each begins where the one before ends, so that those of a span are found without looking at all.
        self._starts = [piece.start for piece in self._pieces if piece.start is not None]
        self._now = now

    def gaps(self, span: Span) -> list[Gap]:
        """The gaps that a span touches, whole, in order. One that began before what is known begins with the span."""
        touched = Span(span.start, min(span.end, self._now))
        return [
            Gap(piece.start or span.start, piece.end)
            for piece in self._of(touched)
            if piece.contact is Contact.DOWN and piece.within(touched) is not None
        ]

    def seconds(self, contact: Contact, span: Span) -> float:
        """The seconds of a span with this contact; what is to come does not count."""
        known = Span(span.start, min(span.end, self._now))
        parts = (piece.within(known) for piece in self._of(known) if piece.contact is contact)
        return sum(part.seconds for part in parts if part is not None)

    def _of(self, span: Span) -> Sequence[_Piece]:
        """The pieces that a span may touch, in order."""
        return self._pieces[bisect_right(self._starts, span.start) : bisect_right(self._starts, span.end) + 1]


def _pieces(transitions: Sequence[Transition]) -> Iterator[_Piece]:
    if not transitions:
        return
    contact, start = transitions[0].before, None
    moment: datetime | None = None
    for one in transitions:
        # Silence is dated back to the last sign of life, which has seconds, and cannot begin before what came earlier.
        moment = one.since if moment is None else max(moment, one.since)
        if one.after is not contact:
            yield _Piece(contact, start, moment)
            contact, start = one.after, moment
    yield _Piece(contact, start, None)
