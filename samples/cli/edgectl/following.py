"""Follows a command that was just given: what `run`, `retry` and `scripts run` have in common."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from edgectl import values
from edgectl.client import Client, Json
from edgectl.errors import INTERRUPTED, UNSURE, CliError
from edgectl.output import Format, show_one
from edgectl.running import Watch
from edgectl.session import Session
from edgectl.tails import MOST_TAILED, LiveTails
from edgectl.writing import Writer


class Outputs(StrEnum):
    """The value of ``--show``."""

    ALL = "all"
    FAILED = "failed"
    NONE = "none"
    AUTO = "auto"


Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the end and show outputs.")]
WaitSeconds = Annotated[str | None, typer.Option("--wait-at-most", help="Longest wait, as 10m; then exit code 124.")]
Show = Annotated[Outputs, typer.Option("--show", help="Outputs to show: all, failed, none; auto: all of up to 100.")]
Live = Annotated[
    bool, typer.Option("--tail", "-f", help=f"Show outputs while they come, of up to {MOST_TAILED} machines.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but outputs and refusals.")]


@dataclass(frozen=True)
class Following:
    """How a command is to be followed. ``seconds`` is the longest wait, None without a limit."""

    wait: bool
    seconds: float | None
    show: Outputs
    quiet: bool
    tail: bool
    raw: bool


def following_of(
    *, wait: bool, wait_at_most: str | None, show: Outputs, quiet: bool, raw: bool, tail: bool = False
) -> Following:
    """The options as values. It is called before the command is given, since it refuses. Raises `CliError`."""
    seconds = None if wait_at_most is None else values.seconds_of(wait_at_most, "--wait-at-most")
    return Following(wait, seconds, show, quiet, tail, raw)


@contextmanager
def giving() -> Iterator[None]:
    """The request that gives a command: if it may have been taken without an answer, that is said."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(f"\n{_MAY_RUN}", err=True)
        raise SystemExit(INTERRUPTED) from None
    except CliError as error:
        if error.code == UNSURE:
            typer.echo(_MAY_RUN, err=True)
        raise


def follow(session: Session, client: Client, given: Json, how: Following, form: Format) -> None:
    """Show the progress of a command until its end, and end with its exit code; without ``how.wait`` show the command
    alone. A command that cannot be followed runs on, and the user is told so. Raises `CliError`."""
    if not how.wait:
        show_one(given, form)
        return
    writer = Writer(raw=how.raw)
    tails = LiveTails(client, session.open_socket, writer) if how.tail else None
    sleep = session.sleep or time.sleep
    watch = Watch(
        client,
        given["id"],
        show=how.show,
        seconds=how.seconds,
        quiet=how.quiet,
        writer=writer,
        tails=tails,
        sleep=sleep,
    )
    try:
        code = watch.to_end()
    except KeyboardInterrupt:
        typer.echo(f"\n{_goes_on(given)}", err=True)
        raise SystemExit(INTERRUPTED) from None
    except CliError as error:
        typer.echo(_goes_on(given), err=True)
        error.code = UNSURE
        raise
    if code:
        raise SystemExit(code)


_MAY_RUN = "it may have been given, and run: look before you repeat it: edgectl commands list --limit 5"


def _goes_on(given: Json) -> str:
    return f"it goes on: edgectl commands show {given['id']}; to end it: edgectl commands cancel {given['id']}"
