"""Tables of a newer release under an older one: they stay, they are refused where they lack something, and tables that
a release took out of the stack come back into it."""

import dataclasses

import pytest

from chalicelib.kit.tables.schema import Index, Table
from chalicelib.platform.context import Context
from infra.deployables import CORE
from infra.deployment.indexes import missing
from infra.deployment.tables import with_names
from infra.stacks import WAIT, Stacks
from infra.stateful import stateful_template
from tests.infra.deploying import STAGE, Deployer, small_application

STATE, APPLICATION = f"edge-admin-{STAGE}-state", f"edge-admin-{STAGE}"
LATER = Table("later_things", "id", indexes=(Index("by_name", "name"),))
ROLL_BACK = {"ROLL_BACK": "1"}


def with_table(table):
    """The core of a release that has one more table."""
    family = dataclasses.replace(CORE.family, contexts=(*CORE.family.contexts, Context("later", tables=(table,))))
    own = tuple(family if each is CORE.family else each for each in CORE.own)
    return dataclasses.replace(CORE, family=family, own=own, every=own)


def older_application(deployable):
    template = small_application(deployable)
    template["Resources"]["Probe"]["Properties"]["DelaySeconds"] = 5
    return template


class TestMissing:
    DEPLOYED = with_names(stateful_template(with_table(LATER), retain=True), STAGE)

    def test_tables_with_more_than_a_release_uses_lack_nothing(self):
        assert missing(self.DEPLOYED, {"later_things": []}) == []
        assert missing(self.DEPLOYED, {"later_things": ["by_name"]}) == []

    def test_table_or_index_that_is_not_deployed_is_named(self):
        used = {"later_things": ["by_name", "by_age"], "gone": ["by_name"]}

        assert missing(self.DEPLOYED, used) == ["the index by_age of table later_things", "the table gone"]


@pytest.fixture
def deployer(emulator, tmp_path):
    deployer = Deployer(emulator.url, tmp_path)
    deployer.deployable = with_table(LATER)
    yield deployer
    deployer.session.close()


def tables_of_the_stack(deployer):
    return Stacks(deployer.client("cloudformation"), WAIT).physical_ids(STATE).values()


def described(deployer):
    return deployer.client("dynamodb").describe_table(TableName=f"edge-admin-{STAGE}-later_things")["Table"]


def test_roll_back_deploys_the_older_code_and_leaves_newer_tables(deployer):
    deployer.core()
    deployer.deployable, deployer.template = CORE, older_application
    deployer.core(environment=ROLL_BACK)

    assert {each["StackName"] for each in deployer.session.called("CreateChangeSet")} == {APPLICATION}
    assert "Tables   stay as they are: ROLL_BACK=1" in deployer.printed
    assert "Probe (AWS::SQS::Queue)" in deployer.printed
    assert len(deployer.session.called("ExecuteChangeSet")) == 1
    assert described(deployer)["TableName"] in tables_of_the_stack(deployer)


def test_roll_back_to_tables_that_are_gone_is_refused_before_anything(deployer):
    deployer.deployable = CORE
    deployer.core()
    deployer.deployable = with_table(LATER)
    with pytest.raises(ValueError, match="of a release that is too new: this one needs the table later_things"):
        deployer.core(environment=ROLL_BACK)

    assert deployer.session.called("CreateChangeSet") == []
    assert deployer.asked == []


def test_roll_back_of_a_stage_that_is_not_there_is_refused(deployer):
    with pytest.raises(ValueError, match=f"there is no stack {APPLICATION} to roll back"):
        deployer.core(environment=ROLL_BACK)

    assert deployer.session.called("CreateStack") == []


def test_table_that_a_release_took_out_returns_into_the_stack_with_its_rows(deployer):
    deployer.core()
    row = {"id": {"S": "1"}, "name": {"S": "kept"}}
    deployer.client("dynamodb").put_item(TableName=f"edge-admin-{STAGE}-later_things", Item=row)
    deployer.deployable = CORE
    deployer.core()
    assert described(deployer)["TableName"] not in tables_of_the_stack(deployer)

    deployer.deployable = with_table(LATER)
    deployer.core()

    assert "= import: 1\n      LaterThingsTable (AWS::DynamoDB::Table)" in deployer.printed
    assert described(deployer)["TableName"] in tables_of_the_stack(deployer)
    assert described(deployer)["DeletionProtectionEnabled"] is True
    assert deployer.client("dynamodb").scan(TableName=described(deployer)["TableName"])["Items"] == [row]
