"""Whole outputs of executions, which may stand at a URL of their own."""

import sys
from typing import Annotated

import typer

from edgectl.client import Client
from edgectl.lookup import find
from edgectl.resources.work import EXECUTIONS
from edgectl.session import session_of
from edgectl.writing import Raw, Writer


def output(
    context: typer.Context,
    execution: Annotated[str, typer.Argument(help="Id of the execution, or its beginning.")],
    raw: Raw = False,
) -> None:
    """Print the whole output of one, byte for byte where it was stored whole."""
    client = session_of(context).client()
    print_whole(client, find(client, EXECUTIONS, execution).id, Writer(raw=raw))


def print_whole(client: Client, execution_id: str, writer: Writer) -> None:
    """Print the output of an execution, and say on standard error if that is not all. Raises `ApiError`, `CliError`."""
    whole = client.get(f"{EXECUTIONS.path}/{execution_id}/output")
    if whole["url"] is not None:
        for piece in client.download(whole["url"]):
            writer.write(piece)
    elif whole["output"]:
        writer.write(whole["output"])
    writer.end()
    if not whole["is_whole"]:
        print(f"… cut: {whole['size']} bytes were written, and the rest is not kept", file=sys.stderr)
