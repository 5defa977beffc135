"""`run` and `retry`: give a command to machines, and follow it to its end."""

from typing import Annotated, Any

import typer

from edgectl import values
from edgectl.building import Columns, Output
from edgectl.following import (
    Live,
    Outputs,
    Quiet,
    Show,
    Wait,
    WaitSeconds,
    follow,
    following_of,
    giving,
)
from edgectl.lookup import find
from edgectl.output import Format, show_rows
from edgectl.resources.fleet import NODES
from edgectl.resources.work import COMMANDS
from edgectl.session import Session, session_of
from edgectl.targets import nodes_of, targeting_of
from edgectl.writing import Raw

On = Annotated[
    list[str],
    typer.Option("--on", help="Machines: all, cluster:NAME, labels as env=prod,role=web, or names; may be repeated."),
]
Timeout = Annotated[str | None, typer.Option("--timeout", help="Longest run on a machine, as 30s or 5m.")]
Expires = Annotated[
    str | None, typer.Option("--expires", help="Machines that are off may run it until: a span as 12h, or none.")
]
MostAtOnce = Annotated[
    str | None, typer.Option("--max-concurrency", "-c", help="In waves: most machines at a time, as 50 or 10%.")
]
MostErrors = Annotated[
    str | None, typer.Option("--max-errors", "-e", help="In waves: stop after more failures than that, as 1 or 5%.")
]


def run(
    context: typer.Context,
    command: Annotated[list[str], typer.Argument(help="The command line, for the shell of each machine.")],
    on: On,
    timeout: Timeout = None,
    expires: Expires = None,
    max_concurrency: MostAtOnce = None,
    max_errors: MostErrors = None,
    wait: Wait = True,
    wait_at_most: WaitSeconds = None,
    show: Show = Outputs.AUTO,
    tail: Live = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the machines and do nothing.")] = False,
    quiet: Quiet = False,
    raw: Raw = False,
    output: Output = Format.TABLE,
    columns: Columns = None,
) -> None:
    """Run a command on machines; options stand before it.

    Ends with 0 if it succeeded on all of them, 1 if not, 2 if it was refused, 3 if it may run and cannot be followed,
    124 if it did not end in time.
    """
    how = following_of(wait=wait, wait_at_most=wait_at_most, show=show, quiet=quiet, raw=raw, tail=tail)
    session = session_of(context)
    client = session.client()
    targeting = targeting_of(client, on)
    if dry_run:
        show_rows(nodes_of(client, targeting), NODES.columns, output, columns)
        return
    body: dict[str, Any] = {
        "command_text": " ".join(command),
        "targeting": targeting,
        **_limits(session, timeout, expires),
        **_waves(max_concurrency, max_errors),
    }
    with giving():
        given = client.post(COMMANDS.path, body)
    follow(session, client, given, how, output)


def retry(
    context: typer.Context,
    command: Annotated[str, typer.Argument(help="Id of the command, or its beginning.")],
    outcome: Annotated[
        list[str] | None,
        typer.Option("--outcome", help="Machines with this outcome; may be repeated. Default: failed, expired."),
    ] = None,
    text: Annotated[str | None, typer.Option("--text", help="A corrected command line.")] = None,
    timeout: Timeout = None,
    expires: Expires = None,
    max_concurrency: MostAtOnce = None,
    max_errors: MostErrors = None,
    wait: Wait = True,
    wait_at_most: WaitSeconds = None,
    show: Show = Outputs.AUTO,
    quiet: Quiet = False,
    raw: Raw = False,
    output: Output = Format.TABLE,
) -> None:
    """Give a command again to the machines where it failed."""
    how = following_of(wait=wait, wait_at_most=wait_at_most, show=show, quiet=quiet, raw=raw)
    session = session_of(context)
    client = session.client()
    body = {
        "outcomes": outcome or ["failed", "expired"],
        **({} if text is None else {"command_text": text}),
        **_limits(session, timeout, expires),
        **_waves(max_concurrency, max_errors),
    }
    repeated = find(client, COMMANDS, command).id
    with giving():
        given = client.post(f"{COMMANDS.path}/{repeated}/retry", body)
    follow(session, client, given, how, output)


def _waves(max_concurrency: str | None, max_errors: str | None) -> dict[str, Any]:
    """The field of a body that has a command go out in waves; nothing if it goes out at once."""
    given = {"max_concurrency": max_concurrency, "max_errors": max_errors}
    limits = {
        name: values.share_of(value, f"--{name.replace('_', '-')}")
        for name, value in given.items()
        if value is not None
    }
    return {"rollout": limits} if limits else {}


def _limits(session: Session, timeout: str | None, expires: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if timeout is not None:
        found["timeout"] = round(values.seconds_of(timeout, "--timeout") * 1000)
    if expires is not None:
        found["expired_at"] = None if expires == "none" else values.moment_of(expires, "--expires", session.now())
    return found
