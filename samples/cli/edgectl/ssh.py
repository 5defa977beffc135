"""`ssh known-hosts`: the machines' SSH host keys for OpenSSH's client."""

from collections.abc import Iterator
from typing import Annotated

import typer

from edgectl.client import Json
from edgectl.errors import SOME_FAILED
from edgectl.session import session_of
from edgectl.targets import nodes_of, targeting_of

STANDARD_PORT = 22

group = typer.Typer(help="Log in to machines by OpenSSH's client.", no_args_is_help=True)


@group.callback()
def _begin() -> None:
    """A group stays one also with a single command."""


@group.command("known-hosts")
def known_hosts(
    context: typer.Context,
    on: Annotated[
        list[str],
        typer.Option("--on", help="Machines: all, cluster:NAME, labels as env=prod,role=web, or names."),
    ] = ["all"],  # noqa: B006
    told: Annotated[
        bool,
        typer.Option(
            "--told",
            help="Also under the host names and addresses that the machines tell: one that lies takes another's place.",
        ),
    ] = False,
) -> None:
    """Print a line of known_hosts for each host key, so that ssh never asks whether to trust a machine:
    edgectl ssh known-hosts > ~/.ssh/known_hosts_edge, and UserKnownHostsFile in ~/.ssh/config.
    """
    client = session_of(context).client()
    nodes = nodes_of(client, targeting_of(client, on))
    lines = [line for node in nodes for line in lines_of(node, told=told)]
    for line in lines:
        typer.echo(line)
    without = sum(not node["ssh_host_keys"] for node in nodes)
    if without:
        typer.echo(f"{without} machines tell no host key: their agents run no SSH server, or are older", err=True)
    if not lines:
        raise SystemExit(SOME_FAILED)


def lines_of(node: Json, *, told: bool) -> Iterator[str]:
    """The lines of a machine. Its names are those that the control plane gives or keeps unique; with ``told`` also what
    it says of itself."""
    names = [node["node_name"], node["vpn_hostname"], node["mdns_hostname"]]
    names += [name for alias in node["aliases"] for name in (alias["name"], alias["vpn_hostname"])]
    if told:
        names += [node["hostname"], *node["addresses"]]
    port = node["ssh_port"]
    hosts = ",".join(_host(name, port) for name in dict.fromkeys(names) if name and _is_one_name(name))
    for key in node["ssh_host_keys"]:
        yield f"{hosts} {key}"


def _host(name: str, port: int) -> str:
    return name if port == STANDARD_PORT else f"[{name}]:{port}"


def _is_one_name(name: str) -> bool:
    """Whether this names one host in a file where commas, spaces and wildcards mean something."""
    return name.isprintable() and not any(sign in name for sign in ", *?!#|[]\t\r\n")
