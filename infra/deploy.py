"""`make deploy STAGE=...`: both stacks on AWS, with the credentials and region of the shell. Safe to repeat.

Keys and settings that stand in the environment are set; those that do not are left as they are (keys) or at their
defaults (settings).
"""

import argparse
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from infra.package import ROOT, package, write_stateful
from infra.parameters import SECRET_KEYS, documented_settings, parameter_name
from infra.stacks import WAIT, Artifacts, Stacks, application_stack, deployed_template, stateful_stack

Json = dict[str, Any]


def deploy(stage: str, environment: Mapping[str, str], build: Path) -> dict[str, str]:
    """Deploy and return the application's outputs."""
    config = Config(retries={"mode": "standard", "total_max_attempts": 5})
    stacks = Stacks(boto3.client("cloudformation", config=config), WAIT)
    template, archive = package(build, stage, code_only=False)
    stateful = write_stateful(build, retain=True)
    state = stacks.deploy(stateful_stack(stage), stateful, {"Stage": stage})
    _set_keys(boto3.client("secretsmanager", config=config), state["SecretArn"], environment)
    artifacts = Artifacts(boto3.client("s3", config=config), state["ArtifactBucket"])
    application = deployed_template(template, artifacts, archive)
    settings = {name: environment[name] for name in documented_settings() if environment.get(name)}

    def release(public_url: str) -> dict[str, str]:
        given = {"PUBLIC_URL": public_url, **settings}
        parameters = {"Stage": stage, **state, **{parameter_name(name): value for name, value in given.items()}}
        known = {name: value for name, value in parameters.items() if name in application["Parameters"]}
        return stacks.deploy(application_stack(stage), application, known, artifacts)

    # The API's URL names the API, which names the function, whose environment holds the URL: a circle for
    # CloudFormation. So the first deployment of a stage makes the API, and a second one tells the function.
    known_url = public_url(stacks.outputs(application_stack(stage)) if stacks.exists(application_stack(stage)) else {})
    outputs = release(known_url)
    return outputs if public_url(outputs) == known_url else release(public_url(outputs))


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stage", required=True)
    stage = parser.parse_args().stage
    outputs = deploy(stage, os.environ, ROOT / "build")
    print(f"API        {public_url(outputs)}")
    print(f"WebSocket  {outputs['WebsocketURL']}")
    print(f"Keys       in the secret edge-admin-{stage}-keys")


if __name__ == "__main__":
    main()
