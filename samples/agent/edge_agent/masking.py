from collections.abc import Callable, Iterable, Iterator

MASK = b"***"
# Shorter values, and shorter lines of one, also occur in ordinary words.
LEAST_BYTES = 4
LEAST_LINE_BYTES = 8
# The first bytes of a value, by which spans are found that may be the beginning of one.
PREFIX_BYTES = 4
# Values that overlap without end are passed on in parts of this size.
HELD_AT_MOST_BYTES = 32 * 1024


class MaskedOutput:
    """Masks values in an output before it is passed on, also where a value arrives in pieces.

    It masks exact values, and the lines of those that have several. It cannot know a value that the command has changed
    (encoded, reversed, in parts), nor one of fewer than `LEAST_BYTES` bytes. Output that may be the beginning of a
    value is held back until more arrives, or `end` is called.
    """

    def __init__(self, values: Iterable[str], take: Callable[[bytes], None]) -> None:
        self._values = sorted({part for value in values for part in _parts_of(value)})
        self._take = take
        self._held = b""

    def append(self, data: bytes) -> None:
        """Take output, and pass on what is certain."""
        if not self._values:
            self._take(data)
            return
        data = self._held + data
        spans = self._spans(data)
        until = self._unsure_from(data, 0)
        for begin, end in spans:
            # The end of a value may be the beginning of another, which is then masked with it.
            if begin < until < end:
                until = begin if len(data) - begin <= HELD_AT_MOST_BYTES else self._unsure_from(data, end)
                break
        self._pass_on(data, until, spans)
        self._held = data[until:]

    def end(self) -> None:
        """Pass on what was held back."""
        data, self._held = self._held, b""
        self._pass_on(data, len(data), self._spans(data))

    def _spans(self, data: bytes) -> list[tuple[int, int]]:
        """The spans of values, in order. Values that touch each other have one."""
        spans: list[tuple[int, int]] = []
        for begin, end in sorted(self._found(data)):
            if spans and begin <= spans[-1][1]:
                spans[-1] = spans[-1][0], max(spans[-1][1], end)
            else:
                spans.append((begin, end))
        return spans

    def _found(self, data: bytes) -> Iterator[tuple[int, int]]:
        for value in self._values:
            at = data.find(value)
            while at >= 0:
                yield at, at + len(value)
                at = data.find(value, at + 1)

    def _unsure_from(self, data: bytes, start: int) -> int:
        """The first offset after which all that there is may be the beginning of a value; `start` is the first one to
        look at."""
        return min((self._begins_at(data, value, start) for value in self._values), default=len(data))

    def _begins_at(self, data: bytes, value: bytes, start: int) -> int:
        first = max(start, len(data) - len(value) + 1)
        at = data.find(value[:PREFIX_BYTES], first)
        while at >= 0:
            if value.startswith(data[at:]):
                return at
            at = data.find(value[:PREFIX_BYTES], at + 1)
        shorter = range(max(first, len(data) - PREFIX_BYTES + 1), len(data))
        return next((at for at in shorter if value.startswith(data[at:])), len(data))

    def _pass_on(self, data: bytes, until: int, spans: list[tuple[int, int]]) -> None:
        """Pass on the data before `until` with the spans in it masked."""
        masked, done = bytearray(), 0
        for begin, end in spans:
            if begin < until:
                masked += data[done:begin] + MASK
                done = end
        masked += data[done:until]
        if masked:
            self._take(bytes(masked))


def _parts_of(value: str) -> Iterator[bytes]:
    """The value and its lines, as far as they are long enough to be told from other output."""
    whole = value.encode()
    for part in (whole, whole.strip()):
        if len(part) >= LEAST_BYTES:
            yield part
    lines = [line.strip() for line in whole.splitlines()]
    yield from (line for line in lines if len(lines) > 1 and len(line) >= LEAST_LINE_BYTES)
