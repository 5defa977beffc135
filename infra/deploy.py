"""`make deploy STAGE=...`: both stacks on AWS, with the credentials and region of the shell. Safe to repeat.

Keys and settings that stand in the environment are set; those that do not are left as they are (keys) or at their
defaults (settings). With ``ROLE=further NAME=...`` a further stack on the tables of that stage, after its core.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from infra.functions import Role
from infra.further import WEBSOCKET_API, check_name, settings_of, urls_for_agents
from infra.package import ROOT, package, write_stateful
from infra.parameters import NETWORK_VARIABLES, SECRET_KEYS, documented_settings, parameter_name
from infra.stacks import (
    WAIT,
    Artifacts,
    Stacks,
    application_stack,
    deployed_template,
    further_stack,
    stateful_stack,
)

Json = dict[str, Any]

_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 5})


def deploy(stage: str, environment: Mapping[str, str], build: Path) -> dict[str, str]:
    """Deploy the core and return the application's outputs."""
    stacks = Stacks(boto3.client("cloudformation", config=_CONFIG), WAIT)
    template, archive = package(build, stage, code_only=False)
    state = stacks.deploy(stateful_stack(stage), write_stateful(build, retain=True), {"Stage": stage})
    _set_keys(boto3.client("secretsmanager", config=_CONFIG), state["SecretArn"], environment)
    artifacts = Artifacts(boto3.client("s3", config=_CONFIG), state["ArtifactBucket"])
    application = deployed_template(template, artifacts, archive)
    settings = {name: environment[name] for name in documented_settings() if environment.get(name)}
    given = {"Stage": stage, **state}
    settings |= network_of(environment)
    return release(stacks, application_stack(stage), application, artifacts, given, settings)


def deploy_further(stage: str, name: str, environment: Mapping[str, str], build: Path) -> dict[str, str]:
    """Deploy a further stack and return its outputs. Raises ValueError where the core is not deployed, and for a name
    that it cannot have."""
    check_name(name)
    stacks = Stacks(boto3.client("cloudformation", config=_CONFIG), WAIT)
    if not stacks.exists(application_stack(stage)):
        raise ValueError(f"there is no core: make deploy STAGE={stage} first")
    core = application_stack(stage)
    of_core = stacks.parameters(core)
    settings = settings_of(name, of_core, environment) | network_of(environment)
    template, archive = package(build / Role.FURTHER, stage, code_only=False, role=Role.FURTHER)
    state = stacks.outputs(stateful_stack(stage))
    artifacts = Artifacts(boto3.client("s3", config=_CONFIG), state["ArtifactBucket"])
    application = deployed_template(template, artifacts, archive)
    given = {"Stage": stage, "Name": name, WEBSOCKET_API: stacks.outputs(core)["WebsocketAPIId"], **state}
    stack = further_stack(stage, name)
    return release(stacks, stack, application, artifacts, given, settings, lambda url: urls_for_agents(url, of_core))


def network_of(environment: Mapping[str, str]) -> dict[str, str]:
    """Where the functions that reach nodes are to stand, if somewhere."""
    return {name: environment[name] for name in NETWORK_VARIABLES if environment.get(name)}


def release(
    stacks: Stacks,
    stack: str,
    application: Json,
    artifacts: Artifacts,
    given: Mapping[str, str],
    settings: Mapping[str, str],
    admin_urls: Callable[[str], str] = lambda _own_url: "",
) -> dict[str, str]:
    """Deploy an application's stack with these parameters and settings, and tell it its own URL, and what follows from
    that for ADMIN_URLS where they are not set.

    The API's URL names the API, which names the function, whose environment holds the URL: a circle for CloudFormation.
    So the first deployment makes the API, and a second one tells the function.
    """

    def with_url(url: str) -> dict[str, str]:
        urls = {"PUBLIC_URL": url, "ADMIN_URLS": admin_urls(settings.get("PUBLIC_URL", url))}
        known = {parameter_name(name): value for name, value in {**urls, **settings}.items()}
        return stacks.deploy(stack, application, {**given, **known}, artifacts)

    known_url = public_url(stacks.outputs(stack) if stacks.exists(stack) else {})
    outputs = with_url(known_url)
    return outputs if public_url(outputs) == known_url else with_url(public_url(outputs))


def public_url(outputs: Mapping[str, str]) -> str:
    """The API's URL with its stage and without a slash at the end, or nothing before there is one."""
    return outputs.get("EndpointURL", "").rstrip("/")


def merged_keys(current: str, environment: Mapping[str, str]) -> Json | None:
    """The secret with the keys of the environment in it, or None when that changes nothing."""
    keys: Json = json.loads(current)
    wanted = {**keys, **{name: environment[name] for name in SECRET_KEYS if environment.get(name)}}
    return None if wanted == keys else wanted


def _set_keys(secrets: Any, secret: str, environment: Mapping[str, str]) -> None:
    keys = merged_keys(secrets.get_secret_value(SecretId=secret)["SecretString"], environment)
    if keys is not None:
        secrets.put_secret_value(SecretId=secret, SecretString=json.dumps(keys))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stage", required=True)
    parser.add_argument("--role", type=Role, choices=tuple(Role), default=Role.CORE)
    parser.add_argument("--name", default="", help="of a further stack")
    asked = parser.parse_args()
    if asked.role is Role.FURTHER:
        try:
            outputs = deploy_further(asked.stage, asked.name, os.environ, ROOT / "build")
        except ValueError as error:
            print(f"make deploy: {error}", file=sys.stderr)
            return 1
        print(f"API        {public_url(outputs)}")
        return 0
    outputs = deploy(asked.stage, os.environ, ROOT / "build")
    print(f"API        {public_url(outputs)}")
    print(f"WebSocket  {outputs['WebsocketURL']}")
    print(f"Keys       in the secret edge-admin-{asked.stage}-keys")
    return 0


if __name__ == "__main__":
    sys.exit(main())
