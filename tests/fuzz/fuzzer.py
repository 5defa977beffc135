"""A small fuzzer, guided by coverage: an input that reaches a line or a jump that none before it reached is kept, and
changed further."""

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from types import FrameType
from typing import Any

SECONDS_PER_KILOBYTE = 1.0
LEAST_SECONDS = 0.25
LONGEST = 4096

_INTERESTING = (
    b"\0",
    b"\xff",
    b"\xed\xa0\x80",
    b"{",
    b"}",
    b'"',
    b"\\",
    b",",
    b"-",
    b"\n",
    b"\r\n",
    b" ",
    b"=",
    b"[",
    b"1e999",
    b"9" * 40,
)


@dataclass(frozen=True)
class Target:
    """Something that reads bytes. ``read`` may raise ``refusals``; ``files`` are the ends of the paths of the sources
    whose lines count. ``seeds`` are valid inputs."""

    name: str
    read: Callable[[bytes], object]
    seeds: Sequence[bytes]
    files: tuple[str, ...]
    refusals: tuple[type[Exception], ...] = ()


@dataclass
class Found:
    """The outcome of fuzzing a target. ``failures`` are inputs with what went wrong."""

    inputs: int = 0
    kept: int = 0
    edges: int = 0
    failures: list[tuple[bytes, str]] = field(default_factory=list)


class _Coverage:
    """The pairs of lines that followed each other in the target's sources."""

    def __init__(self, files: tuple[str, ...]) -> None:
        self._files = files
        self._before = 0
        self.edges: set[tuple[str, int, int]] = set()

    def __call__(self, frame: FrameType, event: str, _argument: Any) -> Any:
        if not frame.f_code.co_filename.endswith(self._files):
            return None
        self._note(frame)
        return self._line

    def _line(self, frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "line":
            self._note(frame)
        return self._line

    def _note(self, frame: FrameType) -> None:
        self.edges.add((frame.f_code.co_filename, self._before, frame.f_lineno))
        self._before = frame.f_lineno


def fuzz(target: Target, inputs: int, seed: int, seconds: float | None = None) -> Found:
    """Try so many inputs, or for so many seconds of the processor."""
    rng, found = Random(f"{seed} {target.name}"), Found()
    corpus = [*target.seeds, b""]
    known: set[tuple[str, int, int]] = set()
    began = time.process_time()
    while found.inputs < inputs or (seconds is not None and time.process_time() - began < seconds):
        text = corpus[found.inputs] if found.inputs < len(target.seeds) + 1 else changed(rng, corpus)
        found.inputs += 1
        edges, failure = _try(target, text)
        if failure is not None:
            found.failures.append((text, failure))
        if not edges <= known:
            known |= edges
            corpus.append(text)
            found.kept += 1
    found.edges = len(known)
    return found


def _try(target: Target, text: bytes) -> tuple[set[tuple[str, int, int]], str | None]:
    coverage, failure = _Coverage(target.files), None
    before = sys.gettrace()
    sys.settrace(coverage)
    try:
        target.read(text)
    except target.refusals:
        pass
    except Exception as error:  # noqa: BLE001 - whatever else it raises is a finding
        failure = f"{type(error).__name__}: {error}"
    finally:
        sys.settrace(before)
    if failure is None and (seconds := _seconds_of(target, text)) > allowed_seconds(text):
        failure = f"took {seconds:.2f} s for {len(text)} bytes"
    return coverage.edges, failure


def _seconds_of(target: Target, text: bytes) -> float:
    """The time without tracing."""
    began = time.process_time()
    with suppress(*target.refusals):
        target.read(text)
    return time.process_time() - began


def allowed_seconds(text: bytes) -> float:
    return max(LEAST_SECONDS, SECONDS_PER_KILOBYTE * len(text) / 1024)


def changed(rng: Random, corpus: Sequence[bytes]) -> bytes:
    """An input made of those that are known."""
    text = bytearray(rng.choice(corpus))
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(text) + 1)
        match rng.randrange(7):
            case 0:
                text[at : at + rng.randint(1, 8)] = b""
            case 1:
                text[at:at] = rng.choice(_INTERESTING)
            case 2 if text:
                text[at % len(text)] = rng.randrange(256)
            case 3:
                other = rng.choice(corpus)
                text[at:] = other[rng.randrange(len(other) + 1) :]
            case 4:
                text[at:at] = text[at : at + 16] * rng.randint(1, 60)
            case 5 if text:
                text[at % len(text)] ^= 1 << rng.randrange(8)
            case _:
                text[at:at] = rng.randbytes(rng.randint(1, 6))
    return bytes(text[:LONGEST])
