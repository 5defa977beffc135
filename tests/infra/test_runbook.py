"""The runbook explains every alarm, and its commands are ones that AWS and this repository know."""

import re
from fnmatch import fnmatchcase

import boto3
import botocore.session
import pytest
from botocore import xform_name

from chalicelib.platform.context import Role
from chalicelib.platform.provisioning.ec2_tags import STAGE_TAG, stage_of
from infra.deployables import CORE
from infra.fragment import fragment
from infra.functions import QUEUES
from infra.package import ROOT
from infra.stateful import stateful_template
from tests.infra.places import STACKS

RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
KINDS = [
    pattern
    for heading in re.findall(r"^### (`.*)$", RUNBOOK, re.MULTILINE)
    for pattern in heading.replace("`", "").split(", ")
]
RENAMED = {("sns", "subscribe"): {"notification-endpoint"}}
"""Options that the AWS command line calls otherwise than the API."""

OF_THE_COMMAND_LINE = {"query", "output", "region", "profile"}
COMMAND = re.compile(r"\baws ([a-z0-9-]+) ([a-z0-9-]+)((?:(?!\baws )[^\n`])*)")


def alarms():
    """What an alarm is called in a mail: its own name, or its logical id, which CloudFormation makes a name of."""
    templates = [stateful_template(CORE, retain=True), *(fragment(STACKS[role]) for role in Role)]
    found = {}
    for template in templates:
        for name, each in template["Resources"].items():
            if each.get("Type") == "AWS::CloudWatch::Alarm":
                own = each["Properties"].get("AlarmName", {}).get("Fn::Sub", name)
                found[own.replace("edge-admin-${Stage}-", "")] = each
    return found


@pytest.mark.parametrize("name", alarms())
def test_alarm_is_explained_under_one_runbook_heading(name):
    assert len([kind for kind in KINDS if fnmatchcase(name, kind)]) == 1


def test_runbook_headings_match_existing_alarms():
    assert [kind for kind in KINDS if not any(fnmatchcase(name, kind) for name in alarms())] == []


def of_aws():
    """Service, command and options of every call of the AWS command line."""
    found = COMMAND.findall(RUNBOOK) + COMMAND.findall(OPERATIONS)
    return [(service, command, re.findall(r"(?<!\S)--([a-z0-9-]+)", rest)) for service, command, rest in found]


def members(service, command):
    """The options of a command, as the command line names those of the API. Raises KeyError for none."""
    model = botocore.session.get_session().get_service_model({"s3api": "s3"}.get(service, service))
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    shape = model.operation_model(operations[command]).input_shape
    names = {xform_name(name, "-") for name in (shape.members if shape else {})}
    flags = {f"no-{name}" for name in names if shape and shape.members[_original(shape, name)].type_name == "boolean"}
    return names | flags


def _original(shape, option):
    return next(name for name in shape.members if xform_name(name, "-") == option)


def test_runbook_contains_aws_commands():
    assert len(of_aws()) > 30


@pytest.mark.parametrize(("service", "command", "options"), of_aws())
def test_runbook_aws_command_and_options_exist(service, command, options):
    if command == "wait":
        return
    assert set(options) - OF_THE_COMMAND_LINE <= members(service, command) | RENAMED.get((service, command), set())


def test_runbook_looks_for_what_is_left_by_the_tag_that_things_have():
    (value,) = re.findall(rf"Key={STAGE_TAG},Values=(\S+)\"", RUNBOOK)
    assert value.replace("$STAGE", "prod") == stage_of("edge-admin-prod-")


@pytest.mark.parametrize(("service", "waiter"), sorted(set(re.findall(r"aws ([a-z]+) wait ([a-z-]+)", RUNBOOK))))
def test_runbook_waiter_exists_in_the_sdk(service, waiter):
    assert waiter.replace("-", "_") in boto3.client(service, region_name="us-east-1").waiter_names


@pytest.mark.parametrize("module", sorted(set(re.findall(r"python -m (infra\.\w+)", RUNBOOK + OPERATIONS))))
def test_documented_infra_command_is_runnable(module):
    assert 'if __name__ == "__main__"' in (ROOT / f"{module.replace('.', '/')}.py").read_text()


def test_runbook_names_the_queues_whose_age_alarm_leaves_time_for_delays():
    [told] = re.findall(r"The queues with delayed messages \(([^)]*)\)", RUNBOOK)
    assert re.findall("`([a-z-]+)`", told) == sorted(queue for queue in QUEUES if queue.is_delayed)


def test_runbook_queries_equal_the_query_files():
    asked = set(re.findall(r"(?:^|`)query ([a-z_]+)", RUNBOOK, re.MULTILINE))
    assert asked == {path.stem for path in (ROOT / "infra" / "observability" / "insights").glob("*.txt")}
