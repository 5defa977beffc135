"""`admin redrive`, `recount`, `rotate`, `backup` and `restore`: the runbook's steps, which are calls of AWS.

They are the deployer's, made with credentials of AWS and not with a key of the API. The repository has the commands,
which fit the tables and queues of its release; these run them there.
"""

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import typer

from edgectl.errors import CliError

CHECKOUT = "EDGE_CHECKOUT"


@dataclass(frozen=True)
class Step:
    """A command of the repository: its module, and the arguments that are fixed."""

    verb: str
    help: str
    module: str
    arguments: tuple[str, ...] = ()


STEPS = (
    Step("redrive", "Move dead letters back to their queue: QUEUE --stage STAGE.", "infra.redrive"),
    Step("recount", "Correct the totals of lists now: --stage STAGE.", "infra.run", ("recount",)),
    Step("rotate", "Change a key: operator-key, data-key or signing-key, --stage STAGE.", "infra.rotate"),
    Step("backup", "Keep a backup of all tables: --stage STAGE --name NAME.", "infra.backup"),
    Step("restore", "Put restored rows back: --stage STAGE, and --write to do it.", "infra.restore"),
)


def add_to(group: typer.Typer) -> None:
    """Add the commands to a group. Their arguments are the module's own, with its ``--help``."""
    for step in STEPS:
        group.command(
            step.verb,
            help=f"{step.help} Runs in a checkout of the deployed release (here, or {CHECKOUT}), with AWS credentials.",
            context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
        )(_run(step))


def _run(step: Step) -> Callable[[typer.Context], None]:
    def run(context: typer.Context) -> None:
        folder = checkout()
        code = subprocess.run(  # noqa: S603 - the checkout and its arguments are the caller's own
            [folder / ".venv" / "bin" / "python", "-m", step.module, *step.arguments, *context.args],
            cwd=folder,
            check=False,
        ).returncode
        if code:
            raise SystemExit(code)

    return run


def checkout() -> Path:
    """The folder of the repository: ``EDGE_CHECKOUT``, else here or above. Raises `CliError`."""
    named = os.environ.get(CHECKOUT)
    folders = [Path(named).expanduser()] if named else [Path.cwd(), *Path.cwd().parents]
    for folder in folders:
        if (folder / "infra" / "redrive.py").is_file():
            if not (folder / ".venv" / "bin" / "python").exists():
                raise CliError(f"{folder} is not set up: make setup there")
            return folder
    where = f"{named} is no checkout" if named else "this is no checkout"
    raise CliError(f"{where} of the deployed release: go there, or set {CHECKOUT}")
