"""Tables with every feature of a spec."""

from chalicelib.kit.tables import Index, Table

BY_KIND = Index("by_kind", "kind", "size", ("colour",))
DUE = Index("due", "due_shard", "due_at")
THINGS = Table(
    "things", "id", indexes=(BY_KIND, DUE), numbers=frozenset({"size"}), stream=True, expires_at="expires_epoch"
)
LINES = Table("lines", "book", "number", numbers=frozenset({"number"}))
WORDS = Table("words", "book", "word")
PARTS = Table(
    "parts",
    "id",
    indexes=(
        Index("listed", "list", "id", ("owner",)),
        Index("by_owner", "owner", "size"),
        Index("due", "due_shard", "id", shared=True),
    ),
    numbers=frozenset({"size"}),
    stream=True,
    tenanted=True,
)
SAMPLE_TABLES = (THINGS, LINES, WORDS, PARTS)
