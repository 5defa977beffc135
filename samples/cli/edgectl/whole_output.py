"""Whole outputs of executions, which may stand at a URL of their own."""

import sys
from typing import Annotated

import typer

from edgectl.client import Client
from edgectl.lookup import find
from edgectl.resources.work import EXECUTIONS
from edgectl.session import session_of


def output(
    context: typer.Context,
    execution: Annotated[str, typer.Argument(help="Id of the execution, or its beginning.")],
) -> None:
    """Print the whole output of one, byte for byte where it was stored whole."""
    client = session_of(context).client()
    print_whole(client, find(client, EXECUTIONS, execution).id)


def print_whole(client: Client, execution_id: str) -> None:
    """Print the output of an execution, and say on standard error if that is not all. Raises `ApiError`, `CliError`."""
    whole = client.get(f"{EXECUTIONS.path}/{execution_id}/output")
    if whole["url"] is not None:
        for piece in client.download(whole["url"]):
            typer.echo(piece, nl=False)
    elif whole["output"]:
        typer.echo(whole["output"], nl=not whole["output"].endswith("\n"))
    if not whole["is_whole"]:
        print(f"… cut: {whole['size']} bytes were written, and the rest is not kept", file=sys.stderr)
