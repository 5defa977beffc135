"""The families of a stage whose request names none, by what its core tells in its outputs."""

# ruff: noqa: N803 - boto3's names

import pytest
from botocore.exceptions import ClientError

from chalicelib import families
from infra import deploy
from infra.deploy import Asked, deployments
from infra.deployables import FAMILIES_OUTPUT
from infra.deployment.account import Account
from infra.deployment.plan import Console
from infra.deployment.stagefile import StageFile

BY_DEFAULT = [each.name for each in families.chosen("")]


def core(status, **outputs):
    told = [{"OutputKey": name, "OutputValue": value} for name, value in outputs.items()]
    state = {"StackName": "edge-admin-dev", "StackId": "arn:core", "StackStatus": status}
    return state | ({"Outputs": told} if told else {})


class Cloud:
    """A session whose CloudFormation has a core that is so at each look (None: not there); the last stays."""

    region_name = "us-east-1"

    def __init__(self, *looks):
        self._looks = list(looks)

    def client(self, service, config):
        assert service == "cloudformation"
        return self

    def describe_stacks(self, StackName):
        assert StackName == "edge-admin-dev"
        found = self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]
        if found is None:
            raise ClientError({"Error": {"Code": "ValidationError", "Message": "it does not exist"}}, "DescribeStacks")
        return {"Stacks": [found]}

    def get_paginator(self, name):
        return self

    def paginate(self, StackName=""):
        return [{"Stacks": [each for each in self._looks[:1] if each], "StackEvents": []}]


ALL = ",".join(families.NAMES)
BEING_MADE = core("CREATE_IN_PROGRESS")


@pytest.mark.parametrize(
    ("looks", "names"),
    [
        ([BEING_MADE, BEING_MADE, core("CREATE_COMPLETE", **{FAMILIES_OUTPUT: ALL})], list(families.NAMES)),
        ([BEING_MADE, core("ROLLBACK_COMPLETE")], BY_DEFAULT),
        ([BEING_MADE, None], BY_DEFAULT),
        ([core("UPDATE_COMPLETE", Release="v1")], BY_DEFAULT),
        ([core("UPDATE_COMPLETE", **{FAMILIES_OUTPUT: "fleet"})], ["fleet"]),
    ],
    ids=["being made", "making failed", "deleted meanwhile", "older release", "chosen"],
)
def test_stage_without_named_families_keeps_those_that_its_settled_core_has(tmp_path, monkeypatch, looks, names):
    monkeypatch.setattr(deploy, "WAIT", {"Delay": 0, "MaxAttempts": 10})
    account = Account(Cloud(*looks), "000000000000", "arn:aws:iam::000000000000:user/ada", "")
    found = deployments(Asked("dev"), StageFile(tmp_path / "dev.toml"), account, Console({}), tmp_path)

    assert [each.deployable.family.name for each in found] == names
