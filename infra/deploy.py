"""`make deploy STAGE=...`: both stacks on AWS, with the credentials of the shell. Safe to repeat.

Settings stand only in the stage's file (infra/stages/README.md); a setting that it does not name keeps its value. The
planned changes are printed and must be confirmed, by a person or by YES=1, before anything changes. With ``ROLE=further
NAME=...`` a further stack on the tables of that stage, after its core. With ``ROLL_BACK=1``
functions and APIs of an older release on the tables and queues of a newer one, which stay as they are.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import families
from chalicelib.platform.context import Role
from infra.deployables import chosen, further_of
from infra.deployment.account import Account, RefusedError, connect
from infra.deployment.base import DeclinedError, Deployment, settable, settled
from infra.deployment.core import CoreDeployment
from infra.deployment.family import FamilyDeployment
from infra.deployment.further import FurtherDeployment
from infra.deployment.keys import given_keys
from infra.deployment.plan import Console
from infra.deployment.stagefile import StageFile, check_stage, read
from infra.further import check_name
from infra.package import ROOT
from infra.rotate import RotationError
from infra.stack_events import StackFailedError
from infra.stacks import WAIT, Stacks, application_stack, deployed_families, remembered_families

_RAN_OUT = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})


@dataclass(frozen=True)
class Asked:
    """A request: a further stack by its ``name``, or the core and families (a comma list; "": those that the stage's
    file names, or that the stage has)."""

    stage: str
    role: Role = Role.CORE
    name: str = ""
    families: str = ""


def deployments(asked: Asked, file: StageFile, account: Account, console: Console, build: Path) -> list[Deployment]:
    """The deployments to run, in order: the core before the families on it. Families that are deployed already are
    among them, because the core works for them too. Raises ValueError for invalid keys, for keys that are given to a
    further stack, and for an unknown family."""
    keys = given_keys(console.environment)
    stacks = Stacks(account.client("cloudformation"), WAIT)
    deployed = deployed_families(stacks, asked.stage)
    names = asked.families or _families(stacks, asked.stage, file, deployed, console)
    core, *others = chosen(names, deployed)
    where = (asked.stage, file, account, console)
    if asked.role is Role.CORE:
        of_others = [FamilyDeployment(*where, build / each.folder, each) for each in others]
        return [CoreDeployment(*where, build, keys, core), *of_others]
    if keys:
        raise ValueError(f"the keys are the core's: make deploy STAGE={asked.stage} sets them")
    return [FurtherDeployment(*where, build / asked.role, asked.name, further_of(core))]


def _families(stacks: Stacks, stage: str, file: StageFile, deployed: Sequence[str], console: Console) -> str:
    """The families where the request names none, separated by commas; "": those that are there by default. There is
    nothing to roll back of a family that has no stack."""
    if console.rolls_back:
        return ",".join((families.NAMES[0], *deployed))
    if file.chosen:
        return ",".join(file.chosen)
    core = application_stack(stage)
    settled(stacks, console, core)  # a stack has its outputs at the end of its creation
    remembered = remembered_families(stacks, stage) if stacks.exists(core) else None
    return ",".join(remembered or ())


def main(environment: Mapping[str, str] = os.environ) -> int:
    """Exit status 0: deployed, or nothing to do; 1: failed or declined; 2: could not start."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stage", required=True)
    parser.add_argument("--role", type=Role, choices=tuple(Role), default=Role.CORE)
    parser.add_argument("--name", default="", help="of a further stack")
    parser.add_argument("--families", default="", help="a comma list; else those of the stage's file or stacks")
    asked = Asked(**vars(parser.parse_args()))
    try:
        check_stage(asked.stage)
        if asked.role is Role.FURTHER:
            check_name(asked.name)
        file = read(asked.stage, settable())
        given_keys(environment)  # checked before credentials are needed
        account = connect(file.account, file.region, environment)
        runs = deployments(asked, file, account, Console(environment), ROOT / "build")
        for each in runs:
            each.check_tables()  # of all, before the first one changes anything
        for each in runs:
            each.run()
    except (ValueError, RefusedError) as error:
        print(f"make deploy: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("make deploy: interrupted. What AWS has begun goes on by itself; repeat the command", file=sys.stderr)
        return 130
    except (DeclinedError, RotationError, StackFailedError, TimeoutError, RuntimeError) as error:
        print(f"make deploy: {error}", file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"make deploy: {_told(error)}", file=sys.stderr)
        return 1
    return 0


def _told(error: BotoCoreError | ClientError) -> str:
    if isinstance(error, ClientError) and error.response["Error"]["Code"] in _RAN_OUT:
        return "the credentials ran out. What AWS has begun goes on by itself: log in again, and repeat the command"
    return str(error)


if __name__ == "__main__":
    sys.exit(main())
