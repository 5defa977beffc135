"""`make deploy` of what really goes to AWS, both stacks and a further one, on the emulator."""

import pytest

from chalicelib.platform.context import Role
from infra.deployables import CORE, FURTHER
from infra.package import package
from tests.infra.deploying import STAGE, Deployer
from tests.infra.places import STACKS

APPLICATION = f"edge-admin-{STAGE}"


@pytest.fixture
def deployer(emulator, tmp_path):
    deployer = Deployer(emulator.url, tmp_path)
    templates = {
        role: package(tmp_path / role, STAGE, code_only=True, deployable=STACKS[role])[0]
        for role in (Role.CORE, Role.FURTHER)
    }
    deployer.template = lambda deployable: templates[Role(deployable.kind)]
    yield deployer
    deployer.session.close()


def functions_in(deployer, stack):
    pages = deployer.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    rows = [row for page in pages for row in page["StackResourceSummaries"]]
    return {row["LogicalResourceId"] for row in rows if row["ResourceType"] == "AWS::Lambda::Function"}


@pytest.mark.slow
def test_full_deployment_is_made_updated_and_then_unchanged(deployer):
    network = {"SUBNET_IDS": "subnet-1", "SECURITY_GROUP_IDS": "sg-1"}
    deployer.core({"POLL_SECONDS": "30"})
    assert functions_in(deployer, APPLICATION) == {each.resource for each in CORE.functions}
    url = deployer.parameters(APPLICATION)["PublicUrl"]
    assert f"API        {url}" in deployer.printed
    tables = deployer.client("dynamodb").describe_table(TableName=f"edge-admin-{STAGE}-nodes")["Table"]
    assert tables["DeletionProtectionEnabled"] is True

    deployer.core()
    assert (deployer.asked, deployer.session.called("ExecuteChangeSet")) == ([], [])

    deployer.core({"NODE_UNREACHABLE_SECONDS": "900"})
    assert 'NodeUnreachableSeconds: "" -> "900"' in deployer.printed
    assert "Look twice" not in deployer.printed
    after = deployer.parameters(APPLICATION)
    assert (after["PollSeconds"], after["NodeUnreachableSeconds"], after["PublicUrl"]) == ("30", "900", url)

    deployer.further("west", {"PUSH_ENABLED": "true", **network})
    further = f"{APPLICATION}-admin-west"
    assert functions_in(deployer, further) == {each.resource for each in FURTHER.functions}
    assert deployer.parameters(further)["PollSeconds"] == "30"

    deployer.further("west")
    assert (deployer.asked, deployer.session.called("ExecuteChangeSet")) == ([], [])
