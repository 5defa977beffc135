"""The command line: its groups, the commands that are more than one request, and how they end."""

import io
import json
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

# The public way writes a script for the shell that runs, and adds two options to every help.
from typer._completion_classes import completion_init
from typer._completion_shared import get_completion_script

from edgectl import __version__, keystore, operating, profiles, ssh, tails, values, whole_output
from edgectl.building import Columns, Output, group_of
from edgectl.errors import INTERRUPTED, REFUSED, CliError
from edgectl.giving import retry, run
from edgectl.output import Format, show_one, show_rows
from edgectl.profiles import DEFAULT, Profile
from edgectl.resources import RESOURCES
from edgectl.resources.fleet import NODES
from edgectl.resources.webhooks import ADMIN
from edgectl.resources.work import EXECUTIONS
from edgectl.session import Session, session_of
from edgectl.writing import visible

SHELLS = ("bash", "zsh", "fish")
COMPLETE = "_EDGECTL_COMPLETE"

app = typer.Typer(
    name="edgectl",
    help="The command line of Edge Admin: machines, commands on them, access to them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for _resource in RESOURCES:
    _group = group_of(_resource)
    if _resource is EXECUTIONS:
        _group.command()(whole_output.output)
    if _resource is ADMIN:
        operating.add_to(_group)
    app.add_typer(_group, name=_resource.name)

app.add_typer(ssh.group, name="ssh")
app.command(context_settings={"allow_interspersed_args": False})(run)
app.command()(retry)
app.command()(tails.tail)


@app.callback()
def _begin(
    context: typer.Context,
    profile: Annotated[str | None, typer.Option("--profile", help="Which of the stored profiles.")] = None,
    url: Annotated[str | None, typer.Option("--url", help="Address of the control plane.")] = None,
) -> None:
    session = session_of(context)
    session.profile, session.url = profile, url


@app.command()
def login(
    context: typer.Context,
    url: Annotated[str, typer.Option("--url", prompt="Address", help="Address of the control plane.")],
    profile: Annotated[str, typer.Option("--profile", help="Name to store it under.")] = DEFAULT,
    key_file: Annotated[str | None, typer.Option("--key-file", help="File with the key, - for standard input.")] = None,
    keyring: Annotated[
        bool | None,
        typer.Option("--keyring/--no-keyring", help="Keep the key in the system's keyring; default: if there is one."),
    ] = None,
) -> None:
    """Store an address and a key, after trying them: the key in the system's keyring, else in a file that only you can
    read.
    """
    key = typer.prompt("Key", hide_input=True) if key_file is None else values.secret_of(key_file, "--key-file")
    stored = Profile(url.strip().rstrip("/"), profiles.key_of(key, "what was given"))
    client = session_of(context).client_of(stored)
    next(iter(client.walk("/api/v1/clusters", 1)), None)
    in_keyring = keystore.is_usable() if keyring is None else keyring
    profiles.save(profile, stored, in_keyring=in_keyring)
    where = " and its key in the keyring" if in_keyring else ""
    typer.echo(f"stored in {profiles.path()} as {profile}{where}", err=True)


@app.command()
def logout(profile: Annotated[str, typer.Option("--profile", help="Which profile to forget.")] = DEFAULT) -> None:
    """Forget a profile. Its key works on: edgectl api-keys revoke ends it."""
    if not profiles.remove(profile):
        raise CliError(f"there is no profile {profile!r} (profiles: {', '.join(profiles.names()) or 'none'})")
    typer.echo(f"forgot {profile}", err=True)


@app.command("profiles")
def list_profiles() -> None:
    """List the stored profiles."""
    for name in profiles.names():
        typer.echo(name)


@app.command()
def down(
    context: typer.Context,
    cluster: Annotated[str | None, typer.Argument(help="Only those of this cluster.")] = None,
    output: Output = Format.TABLE,
    columns: Columns = None,
) -> None:
    """List the machines that are not healthy."""
    client = session_of(context).client()
    rows = [
        row
        for status in ("unreachable", "unhealthy")
        for row in client.walk(NODES.path, status=status, cluster_name=cluster)
    ]
    show_rows(rows, NODES.columns, output, columns)


@app.command("api")
def call(
    context: typer.Context,
    method: Annotated[str, typer.Argument(help="GET, POST, PATCH, PUT or DELETE.")],
    path: Annotated[str, typer.Argument(help="Path of the operation, as /api/v1/nodes.")],
    query: Annotated[list[str], typer.Option("--query", help="A parameter, as name=value.")] = [],  # noqa: B006
    data: Annotated[str | None, typer.Option("--data", help="The body as JSON; @FILE, - for standard input.")] = None,
) -> None:
    """Call any operation, and print its whole answer."""
    body = None if data is None else _json(data)
    answer = session_of(context).client().send(method.upper(), path, query=values.pairs_of(query, "--query"), body=body)
    if answer is not None:
        show_one(answer, Format.JSON)


@app.command()
def completion(
    shell: Annotated[str, typer.Argument(help="bash, zsh or fish.")],
) -> None:
    """Print the completion of a shell: eval "$(edgectl completion bash)"."""
    if shell not in SHELLS:
        raise CliError(f"no completion for {shell!r}: {', '.join(SHELLS)}")
    typer.echo(get_completion_script(prog_name="edgectl", complete_var=COMPLETE, shell=shell))


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def _json(data: str) -> Any:
    text = sys.stdin.read() if data == "-" else data
    if data.startswith("@"):
        text = values.text_of(data[1:], "--data")
    try:
        return json.loads(text)
    except ValueError as error:
        raise CliError(f"--data is not JSON: {error}") from error


def main(arguments: Sequence[str] | None = None, session: Session | None = None) -> int:
    """Run a command line; returns the exit code. Errors are sentences on standard error."""
    if COMPLETE in os.environ:
        completion_init()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A name that the terminal cannot show must not end the program in the middle.
            stream.reconfigure(errors="backslashreplace")
    command = typer.main.get_command(app)
    session = session or Session()
    try:
        command.main(
            args=None if arguments is None else list(arguments),
            prog_name="edgectl",
            standalone_mode=False,
            obj=session,
            complete_var=COMPLETE,
        )
    except CliError as error:
        print(f"edgectl: {visible(str(error))}", file=sys.stderr)
        return error.code
    except typer.TyperException as error:
        print(f"edgectl: {visible(str(error))}", file=sys.stderr)
        return REFUSED
    except (typer.Abort, KeyboardInterrupt):
        print("edgectl: stopped", file=sys.stderr)
        return INTERRUPTED
    except SystemExit as end:
        return int(end.code or 0)
    finally:
        session.close()
    return 0
