import argparse
import asyncio
import os
import re
import sys
from collections.abc import Callable, MutableMapping, Sequence
from importlib import import_module
from pathlib import PurePath
from typing import TextIO

from edge_agent import __version__
from edge_agent.command_environment import CA_FILE_VARIABLE, command_environment
from edge_agent.composition import restore_signals, run_agent
from edge_agent.enrollment import ServicePorts
from edge_agent.enrollment_key import KeySource, key_in_file
from edge_agent.errors import FatalError
from edge_agent.event_log import EventLog
from edge_agent.executor import CommandLimits
from edge_agent.launcher_versions import VERSIONS_VARIABLE
from edge_agent.options import MetricsOptions, Options, PushOptions, SshOptions
from edge_agent.ports.clock import SystemClock
from edge_agent.ports.disk import SystemDisk

KEY_VARIABLE = "ENROLLMENT_KEY"
NODE_ID_VARIABLE = "EDGE_NODE_ID"
LABELS_VARIABLE = "EDGE_LABELS"
_LABEL = re.compile(r"([a-z0-9._/-]{1,63})=([a-z0-9._/-]{1,63})")
EXIT_FATAL = 2
# Imported only when asked for: the agent itself needs none of them.
SUBCOMMANDS = {
    "enrol": ("enrol_command", "enrol"),
    "leave": ("leave_command", "leave_command"),
    "logs": ("logs_command", "logs_command"),
}
# A registration has to name these ports, even if nothing listens on them.
UNSERVED_HTTP_PORT = 44000
UNSERVED_SSH_PORT = 40022
UNSERVED_HOST_METRICS_PORT = 49100


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the agent until SIGTERM or SIGINT. Exit status: 0 stopped, 2 somebody has to act (the log says how)."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0] in SUBCOMMANDS:
        module, function = SUBCOMMANDS[given[0]]
        run: Callable[[Sequence[str]], int] = getattr(import_module(f"edge_agent.{module}"), function)
        return run(given[1:])
    log = EventLog(sys.stderr, SystemClock())
    parsed = option_parser().parse_args(given)
    restore_signals()
    exit_status = 0
    try:
        options = options_of(parsed, os.environ, sys.stdin)
        asyncio.run(run_agent(options, log))
    except* FatalError as group:
        for error in _leaves(group):
            log.write("agent.failed", reason=str(error))
        exit_status = EXIT_FATAL
    return exit_status


def option_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="edge-agent",
        description="Enrols this machine with Edge Admin, runs its commands and reports their results.",
        epilog=f"The enrollment key may also stand in the environment variable {KEY_VARIABLE}. "
        "HTTPS_PROXY, HTTP_PROXY and NO_PROXY are honoured. "
        "edge-agent enrol --help: only enrol this machine; leave --help: end its membership; "
        "logs --help: print or upload the agent's log files.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("--state-dir", type=PurePath, required=True, help="folder of identity, journal and outputs")
    parser.add_argument(
        "--enrollment-key-file", metavar="FILE", help="file with the enrollment key, - for standard input"
    )
    parser.add_argument(
        "--insecure-http", action="store_true", help="allow http:// servers: key and token travel unencrypted"
    )
    identity = parser.add_mutually_exclusive_group()
    identity.add_argument(
        "--node-id", metavar="UUID", help=f"also {NODE_ID_VARIABLE} in the environment; default: the machine id"
    )
    identity.add_argument("--random-id", action="store_true", help="use a random id instead of the machine id")
    parser.add_argument("--machine-id-file", type=PurePath, default=PurePath("/etc/machine-id"), metavar="FILE")
    parser.add_argument(
        "--network-name", type=_text, help="cluster-NAME, if the server does not return the network of the key"
    )
    parser.add_argument(
        "--ca-file", type=PurePath, help=f"further certificate authorities (PEM); also {CA_FILE_VARIABLE}"
    )
    parser.add_argument(
        "--max-parallel", type=_positive, default=4, metavar="N", help="commands at a time (%(default)s)"
    )
    parser.add_argument(
        "--cancel-grace-seconds",
        type=_seconds,
        default=5.0,
        metavar="S",
        help="time from a cancelled command's SIGTERM, or an SSH session's SIGHUP, to SIGKILL (%(default)s)",
    )
    parser.add_argument(
        "--alias",
        action="append",
        type=_text,
        default=[],
        metavar="NAME",
        help="register this name; may be given several times",
    )
    parser.add_argument(
        "--label",
        action="append",
        type=_label,
        default=[],
        metavar="NAME=VALUE",
        help=f"label of this machine, which operators and the enrollment key may override; may be given several times, "
        f"or in {LABELS_VARIABLE}, separated by commas",
    )
    parser.add_argument(
        "--self-update-command", metavar="COMMAND", help="let the server update this agent by running this command"
    )
    parser.add_argument(
        "--self-update",
        action="store_true",
        help="let the server update this agent with its bundles; only under the launcher (see README)",
    )
    metrics = parser.add_argument_group("metrics, sent when the server asks for them")
    metrics.add_argument(
        "--node-exporter-url",
        metavar="URL",
        help="send the host's metrics from this node_exporter instead of the agent's own",
    )
    metrics.add_argument(
        "--metrics-interval",
        type=_positive,
        metavar="S",
        help="also send them at this interval (default: the server's, if it sets one)",
    )
    push = parser.add_argument_group("push API, for servers that can reach this machine")
    push.add_argument("--push-port", type=_port, metavar="PORT", help="serve it on this port; 0 takes a free one")
    push.add_argument("--push-host", default="127.0.0.1", metavar="ADDRESS", help="address to listen on (%(default)s)")
    ssh = parser.add_argument_group("SSH server; the control plane verifies every login")
    ssh.add_argument("--ssh-port", type=_port, metavar="PORT", help="serve it on this port; 0 takes a free one")
    ssh.add_argument("--ssh-host", default="127.0.0.1", metavar="ADDRESS", help="address to listen on (%(default)s)")
    ssh.add_argument(
        "--ssh-idle-seconds",
        type=_positive,
        default=1800,
        metavar="S",
        help="close a connection after this time without data (%(default)s)",
    )
    ssh.add_argument(
        "--ssh-check-seconds",
        type=_positive,
        default=60,
        metavar="S",
        help="how often to ask whether the users of open connections may still be logged in (%(default)s)",
    )
    ports = parser.add_argument_group("ports that the server records for this machine")
    ports.add_argument(
        "--host-metrics-port",
        type=_port,
        help=f"with --push-port the host's metrics are served there; default: {UNSERVED_HOST_METRICS_PORT}, not served",
    )
    ports.add_argument("--http-port", type=_port, help=f"default: the push port, else {UNSERVED_HTTP_PORT}")
    for name, default in (
        ("wireguard-metrics", 49586),
        ("http-proxy", 43128),
        ("socks5-proxy", 41080),
    ):
        ports.add_argument(f"--{name}-port", type=_port, default=default, help="(%(default)s)")
    return parser


def options_of(parsed: argparse.Namespace, environment: MutableMapping[str, str], standard_input: TextIO) -> Options:
    keys = _keys(parsed, environment, standard_input)
    versions = environment.pop(VERSIONS_VARIABLE, None)
    if parsed.self_update and not versions:
        raise FatalError("--self-update is for an agent that its launcher starts: see samples/agent/README.md")
    ca_file = parsed.ca_file or (PurePath(environment[CA_FILE_VARIABLE]) if environment.get(CA_FILE_VARIABLE) else None)
    # Removed, so that an agent that a command starts does not take this node's id.
    node_id = environment.pop(NODE_ID_VARIABLE, "") or None
    return Options(
        state_dir=parsed.state_dir,
        keys=keys,
        node_id=parsed.node_id or (None if parsed.random_id else node_id),
        random_id=parsed.random_id,
        machine_id_file=parsed.machine_id_file,
        network_name=parsed.network_name,
        ca_file=ca_file,
        service_ports=ServicePorts(
            http_port=parsed.http_port or UNSERVED_HTTP_PORT,
            ssh_port=UNSERVED_SSH_PORT,
            host_metrics_port=parsed.host_metrics_port or UNSERVED_HOST_METRICS_PORT,
            wireguard_metrics_port=parsed.wireguard_metrics_port,
            http_proxy_port=parsed.http_proxy_port,
            socks5_proxy_port=parsed.socks5_proxy_port,
        ),
        push=None
        if parsed.push_port is None
        else PushOptions(host=parsed.push_host, port=parsed.push_port, recorded_port=parsed.http_port),
        ssh=None
        if parsed.ssh_port is None
        else SshOptions(
            host=parsed.ssh_host,
            port=parsed.ssh_port,
            idle_seconds=parsed.ssh_idle_seconds,
            check_seconds=parsed.ssh_check_seconds,
        ),
        metrics=MetricsOptions(
            port=parsed.host_metrics_port,
            node_exporter_url=parsed.node_exporter_url,
            interval_seconds=parsed.metrics_interval,
        ),
        aliases=tuple(parsed.alias),
        labels=_labels(parsed, environment),
        self_update_command=parsed.self_update_command,
        versions=PurePath(versions) if parsed.self_update and versions else None,
        limits=CommandLimits(max_parallel=parsed.max_parallel, cancel_grace_seconds=parsed.cancel_grace_seconds),
        # Variables need not be text.
        environment=command_environment(environment, parsed.state_dir, ca_file),
    )


def _label(text: str) -> tuple[str, str]:
    found = _LABEL.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r}: expected name=value, of a-z, 0-9 and . _ / -")
    return found[1], found[2]


def _labels(parsed: argparse.Namespace, environment: MutableMapping[str, str]) -> dict[str, str]:
    """The labels of the environment, and those of the arguments, which go before them. Raises `FatalError`."""
    given = [part for part in environment.get(LABELS_VARIABLE, "").split(",") if part]
    try:
        return dict([*map(_label, given), *parsed.label])
    except argparse.ArgumentTypeError as error:
        raise FatalError(f"{LABELS_VARIABLE}: {error}") from error


def _keys(parsed: argparse.Namespace, environment: MutableMapping[str, str], standard_input: TextIO) -> KeySource:
    """The source of the enrollment key. The key is removed from the environment, which commands inherit.

    A missing key file is allowed: it may be removed once the machine is enrolled.
    """
    from_environment = environment.pop(KEY_VARIABLE, None)
    source = parsed.enrollment_key_file
    if source == "-":
        text = standard_input.read()
        keys = KeySource(lambda: text, parsed.insecure_http)
    elif source is None:
        keys = KeySource(lambda: from_environment, parsed.insecure_http)
    else:
        file, disk = PurePath(source), SystemDisk()
        keys = KeySource(lambda: key_in_file(disk, file) or from_environment, parsed.insecure_http)
    return keys


def _text(argument: str) -> str:
    """Decode an argument as UTF-8, regardless of the locale."""
    try:
        return os.fsencode(argument).decode()
    except ValueError as error:
        raise argparse.ArgumentTypeError("not UTF-8") from error


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:  # noqa: PLR2004
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return port


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError("a number of seconds")
    return seconds


def _leaves(group: BaseExceptionGroup[FatalError]) -> list[FatalError]:
    leaves: list[FatalError] = []
    for error in group.exceptions:
        leaves += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return leaves
