"""`make deploy` of a core whose stateful template is too large for a request, on the emulator."""

import dataclasses

import pytest

from chalicelib.kit.tables import Index, Table
from chalicelib.platform.context import Context, Family
from infra.artifacts import INLINE_TEMPLATE_BYTES, creation_steps
from infra.deployables import CORE
from infra.deployment.base import DeclinedError
from infra.stacks import Stacks
from infra.stateful import stateful_template, to_compact_json
from tests.infra.deploying import STAGE, WAIT, Deployer

STATE = f"edge-admin-{STAGE}-state"
MANY = tuple(Table(f"many_{n}", "id", indexes=(Index("by_name", "name"),)) for n in range(20))


def with_tables(tables):
    own = (*CORE.own, Family("many", (Context("many", tables=tables),)))
    return dataclasses.replace(CORE, own=own)


LARGE = with_tables(MANY)
NAME = f"edge-admin-{STAGE}-many_7"


@pytest.fixture
def deployer(emulator, tmp_path):
    assert len(to_compact_json(stateful_template(LARGE, retain=True))) > INLINE_TEMPLATE_BYTES
    deployer = Deployer(emulator.url, tmp_path)
    deployer.deployable = LARGE
    yield deployer
    deployer.session.close()


def sent(deployer, operation):
    return [each for each in deployer.session.called(operation) if each["StackName"] == STATE]


def resources_of(deployer):
    return Stacks(deployer.client("cloudformation"), WAIT).physical_ids(STATE)


def test_large_first_deployment_makes_its_bucket_and_reads_the_rest_from_it(deployer):
    deployer.core()

    [created] = sent(deployer, "CreateStack")
    assert len(created["TemplateBody"]) < INLINE_TEMPLATE_BYTES / 10
    bucket = resources_of(deployer)["Artifacts"]
    assert {f"/{bucket}/" in each["TemplateURL"] for each in sent(deployer, "CreateChangeSet")} == {True}
    assert set(resources_of(deployer)) >= set(stateful_template(LARGE, retain=True)["Resources"])
    table = deployer.client("dynamodb").describe_table(TableName=NAME)["Table"]
    assert table["DeletionProtectionEnabled"] is True
    assert deployer.stack(STATE)["EnableTerminationProtection"] is True


def test_declined_large_first_deployment_makes_nothing(deployer):
    deployer.answer = "n"
    with pytest.raises(DeclinedError):
        deployer.core()

    assert len(deployer.asked) == 1
    assert f"Stack {STATE}: is created" in deployer.printed
    assert (sent(deployer, "CreateStack"), deployer.session.called("PutObject")) == ([], [])


def test_large_deployment_that_follows_changes_what_differs(deployer):
    deployer.core()
    deployer.core()
    assert (deployer.asked, deployer.session.called("ExecuteChangeSet")) == ([], [])

    deployer.deployable = with_tables((*MANY, Table("more", "id")))
    deployer.core()

    assert "+ add: 1\n      MoreTable (AWS::DynamoDB::Table)" in deployer.printed
    assert all("TemplateURL" in each for each in sent(deployer, "CreateChangeSet"))
    assert f"edge-admin-{STAGE}-more" in deployer.client("dynamodb").list_tables()["TableNames"]


def test_large_first_deployment_that_ended_after_its_bucket_goes_on_from_there(deployer):
    bucket_alone, _ = creation_steps(stateful_template(LARGE, retain=True))
    stacks = Stacks(deployer.client("cloudformation"), WAIT)
    bucket = stacks.deploy(STATE, bucket_alone, {"Stage": STAGE})["ArtifactBucket"]
    deployer.core()

    assert sent(deployer, "CreateStack") == []
    assert resources_of(deployer)["Artifacts"] == bucket
    assert set(resources_of(deployer)) >= set(stateful_template(LARGE, retain=True)["Resources"])
