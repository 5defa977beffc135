"""Follows a command that was just given: what `run`, `retry` and `scripts run` have in common."""

import time
from typing import Annotated

import typer

from edgectl import values
from edgectl.client import Client, Json
from edgectl.errors import INTERRUPTED, CliError
from edgectl.output import Format, show_one
from edgectl.running import Watch
from edgectl.session import Session
from edgectl.tails import MOST_TAILED, LiveTails

Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the end and show outputs.")]
WaitSeconds = Annotated[str | None, typer.Option("--wait-at-most", help="Longest wait, as 10m; then exit code 124.")]
Show = Annotated[str, typer.Option("--show", help="Outputs to show: all, failed, none; auto: all of up to 100.")]
Live = Annotated[
    bool, typer.Option("--tail", "-f", help=f"Show outputs while they come, of up to {MOST_TAILED} machines.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but outputs and refusals.")]


def follow(
    session: Session,
    client: Client,
    given: Json,
    *,
    wait: bool,
    wait_at_most: str | None,
    show: str,
    quiet: bool,
    form: Format,
    tail: bool = False,
) -> None:
    """Show what becomes of a command that was just given, until its end, and end with its exit code; or only the
    command. One that cannot be followed goes on all the same, and that is said. Raises `CliError`."""
    if not wait:
        show_one(given, form)
        return
    seconds = None if wait_at_most is None else values.seconds_of(wait_at_most, "--wait-at-most")
    tails = LiveTails(client, session.open_socket) if tail else None
    sleep = session.sleep or time.sleep
    watch = Watch(client, given["id"], show=show, seconds=seconds, quiet=quiet, tails=tails, sleep=sleep)
    try:
        code = watch.to_end()
    except KeyboardInterrupt:
        typer.echo(f"\n{_goes_on(given)}", err=True)
        raise SystemExit(INTERRUPTED) from None
    except CliError:
        typer.echo(_goes_on(given), err=True)
        raise
    if code:
        raise SystemExit(code)


def _goes_on(given: Json) -> str:
    return f"it goes on: edgectl commands show {given['id']}; to end it: edgectl commands cancel {given['id']}"
