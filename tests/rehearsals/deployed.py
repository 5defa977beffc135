"""A rolling deploy, with functions of two releases side by side, and its roll-back, under load."""

import json
import random
import subprocess
import sys
import tarfile
import time
from io import BytesIO
from pathlib import Path

from infra.deployables import CORE
from infra.local.agents import SampleAgent
from infra.local.options import STAGE
from infra.package import ROOT
from tests.e2e.cloud import Fleet
from tests.rehearsals.load import Load
from tests.rehearsals.stage import RehearsalFailedError, Stage

OLDER = "e28f5a85"
"""A release before this one, which reads and works on rows of this one. One from before 43b7c06a will not do: it counts
a batch of the stream again that has grown when it is repeated, as happens where a function is replaced at work."""

AGENTS = 3
PAUSE_SECONDS = 1.0
PACKAGE_SECONDS = 300.0
OK = 200


def play(stage: Stage) -> None:
    older = _package_older(stage)
    newer = (stage.cloud.folder / "build" / "packaged" / "deployment.zip").read_bytes()
    functions = _functions(stage)
    with stage.fleet("deploys") as fleet:
        agents = stage.enrol(fleet, AGENTS)
        stage.say(
            f"rolling back to {OLDER}, one of {len(functions)} functions after the other, in any order, under load"
        )
        _roll(stage, fleet, agents, older, functions)
        stage.rest()
        stage.say("everything is of the older release; deploying this one again, likewise")
        _roll(stage, fleet, agents, newer, functions)
        stage.rest()
        if corrected := stage.recount():
            raise RehearsalFailedError(f"the recount found totals that were wrong: {corrected}")


def _roll(stage: Stage, fleet: Fleet, agents: list[SampleAgent], code: bytes, functions: list[str]) -> None:
    order = random.Random(len(code)).sample(functions, len(functions))
    client = stage.aws("lambda")
    with Load(stage, fleet, agents, stage.api.key) as load:
        for function in order:
            client.update_function_code(FunctionName=function, ZipFile=code)
            time.sleep(PAUSE_SECONDS)
    refused = {status: count for status, count in load.statuses.items() if status != OK}
    stage.say(f"{load.statuses[OK]} requests were answered meanwhile, others: {refused or 'none'}")


def _package_older(stage: Stage) -> bytes:
    """The code of the older release, packaged by itself. Raises `RehearsalFailedError` without git's history."""
    folder = stage.cloud.folder / "older"
    archive = subprocess.run(["git", "archive", OLDER], cwd=ROOT, capture_output=True, check=False)
    if archive.returncode:
        raise RehearsalFailedError(f"{OLDER} is needed, from a clone with its history: {archive.stderr.decode()}")
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as tar:
        tar.extractall(folder, filter="data")
    command = [sys.executable, "-m", "infra.package", "--code-only", "--stage", STAGE, "--build", "build/older"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PACKAGE_SECONDS, check=False)
    if done.returncode:
        raise RehearsalFailedError(f"{OLDER} could not be packaged:\n{done.stdout}{done.stderr}")
    return Path(folder / "build" / "older" / "packaged" / "deployment.zip").read_bytes()


def _functions(stage: Stage) -> list[str]:
    """The deployed names of the functions that the older release has too."""
    template = json.loads((stage.cloud.folder / "older" / "build" / "older" / "packaged" / "sam.json").read_text())
    known = template["Resources"]
    return [stage.cloud.function_name(each.name) for each in CORE.functions if each.resource in known]
