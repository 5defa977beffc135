"""Asks MiniStack and moto which of AWS's rules they have: ``python -m tests.probe``; ``--write`` puts the table into
docs/emulators.md. About ten seconds; nothing of AWS is asked.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import boto3
from moto import mock_aws

from infra.local.emulator import CREDENTIALS
from infra.package import ROOT
from tests.probe import machines, networks, storage
from tests.probe.probing import PROBES, Client, answer
from tests.support.emulator import running_emulator

PAGE = Path(ROOT) / "docs" / "emulators.md"
BEGIN, END = "<!-- probe: written by python -m tests.probe --write -->\n", "<!-- end of probe -->"

_MODULES = (networks, machines, storage)
"""Each declares its probes where it is imported."""


@contextmanager
def _of_moto() -> Iterator[Client]:
    with mock_aws():
        yield lambda service: boto3.client(service, region_name="eu-central-1")


def table() -> str:
    """The table, a row a probe."""
    lines = ["| service | call | rule of AWS | MiniStack | moto |", "| --- | --- | --- | --- | --- |"]
    with running_emulator() as emulator:
        for one in PROBES:
            emulator.reset()
            ministack = answer(one, emulator.client)
            with _of_moto() as client:
                moto = answer(one, client)
            lines.append(f"| {one.service} | {one.call} | {one.rule} | {ministack} | {moto} |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.probe", description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    options = parser.parse_args(arguments)
    os.environ |= CREDENTIALS
    shown = table()
    sys.stdout.write(shown)
    if options.write:
        before, _, rest = PAGE.read_text().partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n{shown}\n{END}{rest.partition(END)[2]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
