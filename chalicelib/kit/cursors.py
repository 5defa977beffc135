"""A cursor in a sequence of steps that have cursors of their own."""

from dataclasses import dataclass


@dataclass(frozen=True)
class StepCursor:
    """The number of a step, counted from 0, and the cursor within it; None at its start.

    As text: the number, a separator and the cursor within, ``2/0198…`` or ``2/``.
    """

    step: int = 0
    within: str | None = None

    @classmethod
    def parse(cls, text: str | None, separator: str = "/") -> "StepCursor":
        """The cursor in a text; None stands for the very start. Raises ValueError if it does not begin with a
        number."""
        step, _, within = (text or "0").partition(separator)
        return cls(int(step), within or None)

    def text(self, separator: str = "/") -> str:
        return f"{self.step}{separator}{self.within or ''}"

    def after(self, within: str | None) -> "StepCursor":
        """The cursor after a piece of the step, which left it at ``within``: the next step's start, if that is None."""
        return StepCursor(self.step + 1) if within is None else StepCursor(self.step, within)
