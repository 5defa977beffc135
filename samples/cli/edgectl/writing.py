"""Outputs and names that machines tell, on their way to the terminal or the file of an operator."""

import codecs
import re
import sys
from typing import Annotated

import typer

Raw = Annotated[bool, typer.Option("--raw", help="Control characters of outputs as they are, also on a terminal.")]

_CONTROL = re.compile("\r\n|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    r"""The text with its control characters as ``\u001b``, but line breaks and tabs: a machine that is somebody else's
    by now cannot move the cursor, name the window or type for the operator. JSON means the same afterwards."""
    return _CONTROL.sub(lambda found: "\n" if found[0] == "\r\n" else f"\\u{ord(found[0]):04x}", text)


class Writer:
    """Writes outputs to standard output: byte for byte into a file or a pipe, or with ``raw``; else `visible`."""

    def __init__(self, *, raw: bool = False) -> None:
        self._raw = raw
        self._last = b"\n"
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def write(self, piece: str | bytes) -> None:
        """Write a piece of an output, at once."""
        content = piece.encode("utf-8", "backslashreplace") if isinstance(piece, str) else piece
        self._last = content[-1:] or self._last
        as_it_is = self._raw or not sys.stdout.isatty()
        # A program that calls this one may have put a stream of text in the place of standard output.
        buffer = getattr(sys.stdout, "buffer", None)
        if as_it_is and buffer is not None:
            sys.stdout.flush()
            buffer.write(content)
        else:
            text = self._decoder.decode(content)
            sys.stdout.write(text if as_it_is else visible(text))
        sys.stdout.flush()

    def separate(self) -> None:
        """Begin a line, if an output before has left one open."""
        if self._last != b"\n":
            self.write(b"\n")

    def end(self) -> None:
        """Say that an output is whole: on a terminal the prompt stands on a line of its own."""
        if sys.stdout.isatty():
            self.separate()
