import argparse
import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path, PurePath

AGENT_VARIABLE = "EDGE_AGENT"
STATE_VARIABLE = "EDGE_AGENT_STATE_DIR"
CA_FILE_VARIABLE = "EDGE_AGENT_CA_FILE"


def command_environment(
    environment: Mapping[str, str], state_dir: PurePath, ca_file: PurePath | None
) -> dict[bytes, bytes]:
    """The environment of commands and sessions: the agent's own, and what `$EDGE_AGENT logs` and `leave` need.

    `EDGE_AGENT` is a command line that starts the program of this very agent, regardless of how it was
    installed and of the working directory.
    """
    own = {AGENT_VARIABLE: program(), STATE_VARIABLE: str(Path(state_dir).absolute())}
    if ca_file is not None:
        own[CA_FILE_VARIABLE] = str(Path(ca_file).absolute())
    # Variables need not be text.
    return {os.fsencode(name): os.fsencode(value) for name, value in {**environment, **own}.items()}


def program() -> str:
    """The command line of this agent's program, quoted for a shell where a path needs it."""
    return shlex.join([sys.executable, "-I", str(Path(__file__).absolute().with_name("__main__.py"))])


def add_state_option(parser: argparse.ArgumentParser) -> None:
    """Add `--state-dir`, which commands of the agent may leave out."""
    default = os.environ.get(STATE_VARIABLE)
    parser.add_argument(
        "--state-dir",
        type=PurePath,
        required=default is None,
        default=default and PurePath(default),
        help=f"the agent's state directory; default: {STATE_VARIABLE}, which commands have",
    )
