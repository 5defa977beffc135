"""`make deploy STAGE=...`: both stacks on AWS, with the credentials of the shell. Safe to repeat.

Settings stand only in the stage's file (infra/stages/README.md); a setting that it does not name keeps its value. The
planned changes are printed and must be confirmed, by a person or by YES=1, before anything changes. With ``ROLE=further
NAME=...`` a further stack on the tables of that stage, after its core.
"""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.platform.context import Role
from infra.deployment.account import Account, RefusedError, connect
from infra.deployment.base import DeclinedError, Deployment, settable
from infra.deployment.core import CoreDeployment
from infra.deployment.further import FurtherDeployment
from infra.deployment.keys import given_keys
from infra.deployment.plan import Console
from infra.deployment.stagefile import StageFile, check_stage, read
from infra.further import check_name
from infra.package import ROOT
from infra.rotate import RotationError
from infra.stack_events import StackFailedError

_RAN_OUT = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})


def deployment(
    stage: str, role: Role, name: str, file: StageFile, account: Account, console: Console, build: Path
) -> Deployment:
    """The deployment of a stack of that role, not yet started. Raises ValueError for invalid keys, and for keys that
    are given to a further stack."""
    keys = given_keys(console.environment)
    if role is Role.CORE:
        return CoreDeployment(stage, file, account, console, build, keys)
    if keys:
        raise ValueError(f"the keys are the core's: make deploy STAGE={stage} sets them")
    return FurtherDeployment(stage, file, account, console, build, name)


def main(environment: Mapping[str, str] = os.environ) -> int:
    """Exit status 0: deployed, or nothing to do; 1: failed or declined; 2: could not start."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stage", required=True)
    parser.add_argument("--role", type=Role, choices=tuple(Role), default=Role.CORE)
    parser.add_argument("--name", default="", help="of a further stack")
    asked = parser.parse_args()
    try:
        check_stage(asked.stage)
        if asked.role is Role.FURTHER:
            check_name(asked.name)
        file = read(asked.stage, settable())
        given_keys(environment)  # checked before credentials are needed
        account = connect(file.account, file.region, environment)
        build = ROOT / "build" / ("" if asked.role is Role.CORE else asked.role)
        deployment(asked.stage, asked.role, asked.name, file, account, Console(environment), build).run()
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
