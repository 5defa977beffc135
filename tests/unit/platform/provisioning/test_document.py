"""docs/provisioning.md shows the life of a resource as the code has it."""

from chalicelib.platform.provisioning.model import Seen, State
from chalicelib.platform.provisioning.rules import LIFE
from infra.package import ROOT

TEXT = (ROOT / "docs" / "provisioning.md").read_text()


def rows_below(heading):
    """The cells of the table whose first heading is this, without its head."""
    lines = TEXT[TEXT.index(f"\n| {heading} |") + 1 :].split("\n\n")[0].splitlines()
    cells = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines]
    return cells[0], cells[2:]


def test_documented_life_is_that_of_the_code():
    head, rows = rows_below("state | missing")
    assert head[1:] == [seen.value for seen in Seen]
    written = {state: dict(zip(head[1:], moves, strict=True)) for state, *moves in rows}
    assert written == {
        state.value: {seen.value: move.__name__.replace("_", " ") for seen, move in row.items()}
        for state, row in LIFE.items()
    }


def test_each_move_and_each_state_is_explained_once():
    _, moves = rows_below("move")
    assert sorted(name for name, _ in moves) == sorted(
        {move.__name__.replace("_", " ") for row in LIFE.values() for move in row.values()}
    )
    _, states = rows_below("state | meaning")
    assert sorted(name for name, _ in states) == sorted(State)
