"""`make deploy` of another family beside the core, on the emulator: its real templates, on the core's real tables."""

import json

import pytest

from chalicelib import families
from infra.deploy import Asked, deployments
from infra.deployables import chosen
from infra.deployment.core import CoreDeployment
from infra.deployment.family import FamilyDeployment
from infra.deployment.further import FurtherDeployment
from infra.deployment.plan import Console
from infra.deployment.stagefile import StageFile
from infra.package import ROOT
from infra.stacks import Stacks, application_stacks
from tests.infra.deploying import STAGE, WAIT, Deployer, small_application
from tests.infra.toy import CORE_BESIDE, DEPLOYABLE

CORE_STACK = f"edge-admin-{STAGE}"
STATE, APPLICATION = f"{CORE_STACK}-toys-state", f"{CORE_STACK}-toys"


@pytest.fixture
def deployer(emulator, tmp_path, every_package):
    deployer = Deployer(emulator.url, tmp_path)
    deployer.deployable = CORE_BESIDE
    deployer.template = lambda each: every_package["toys"] if each is DEPLOYABLE else small_application(each)
    yield deployer
    deployer.session.close()


@pytest.fixture
def deployed(deployer):
    deployer.core({"POLL_SECONDS": "45"})
    deployer.family(DEPLOYABLE)
    return deployer


def resources_of(deployer, stack):
    return Stacks(deployer.client("cloudformation"), WAIT).physical_ids(stack)


def test_family_deployment_without_a_core_is_refused(deployer):
    with pytest.raises(ValueError, match=f"there is no core: make deploy STAGE={STAGE} first"):
        deployer.family(DEPLOYABLE)

    assert deployer.asked == []
    assert deployer.session.called("CreateStack") == []


def test_settings_too_long_for_a_family_are_refused_before_the_core_changes(deployer):
    with pytest.raises(ValueError, match="Lambda takes 4096; the longest are CORS_ALLOWED_ORIGINS"):
        deployer.core({"CORS_ALLOWED_ORIGINS": ",".join(f"https://{place}.example.com" for place in range(200))})

    assert deployer.session.called("CreateStack") == []


def test_family_deployment_makes_protected_stacks_beside_the_cores(deployer):
    deployer.core()
    before = {stack: resources_of(deployer, stack) for stack in (CORE_STACK, f"{CORE_STACK}-state")}
    deployer.family(DEPLOYABLE)

    assert {stack: resources_of(deployer, stack) for stack in before} == before
    for stack in (STATE, APPLICATION):
        assert deployer.stack(stack)["EnableTerminationProtection"] is True
    tables = deployer.client("dynamodb").list_tables()["TableNames"]
    assert f"edge-admin-{STAGE}-toys" in tables
    assert "(toys)" in deployer.printed
    stacks = Stacks(deployer.client("cloudformation"), WAIT)
    assert application_stacks(stacks, STAGE) == [CORE_STACK, APPLICATION]


def test_family_stack_follows_core_settings_and_has_its_own_url(deployed):
    parameters = deployed.parameters(APPLICATION)

    assert parameters["PollSeconds"] == "45"
    assert parameters["WebsocketAPI"] == "def"
    assert "execute-api" in parameters["PublicUrl"]
    assert parameters["PublicUrl"] != deployed.parameters(CORE_STACK)["PublicUrl"]


def test_unchanged_family_deployment_asks_nothing(deployed):
    deployed.family(DEPLOYABLE)

    assert deployed.asked == []
    assert deployed.session.called("ExecuteChangeSet") == []


def test_family_option_changes_its_stack_only(deployed):
    deployed.family(DEPLOYABLE, {"ROUTES_RATE": "7"})

    assert deployed.parameters(APPLICATION)["RoutesRate"] == "7"
    assert {each["StackName"] for each in deployed.session.called("CreateChangeSet")} <= {STATE, APPLICATION}


def test_family_and_core_log_access_alike_unless_the_family_says_otherwise(deployer):
    deployer.core({"API_ACCESS_LOGS": "off"})
    deployer.family(DEPLOYABLE)
    assert deployer.parameters(APPLICATION)["ApiAccessLogs"] == "off"

    deployer.family(DEPLOYABLE, {"API_ACCESS_LOGS": "existing-role"})
    assert deployer.parameters(APPLICATION)["ApiAccessLogs"] == "existing-role"


def test_internal_event_on_the_bus_reaches_the_family_queue(deployed):
    bus = f"edge-admin-{STAGE}-events"
    for mapping in deployed.client("lambda").list_event_source_mappings()["EventSourceMappings"]:
        deployed.client("lambda").delete_event_source_mapping(UUID=mapping["UUID"])  # its worker is no real one
    [rule] = deployed.client("events").list_rules(EventBusName=bus)["Rules"]
    pattern = json.loads(rule["EventPattern"])
    detail = {"id": "n-1"}
    for kind in ("fleet.node.enrolled", "fleet.node.status_changed"):
        entry = {"EventBusName": bus, "Source": pattern["source"][0], "DetailType": kind, "Detail": json.dumps(detail)}
        deployed.client("events").put_events(Entries=[entry])
    sqs = deployed.client("sqs")
    url = sqs.get_queue_url(QueueName=f"edge-admin-{STAGE}-toys-made")["QueueUrl"]
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=2).get("Messages", [])

    assert [json.loads(each["Body"])["detail-type"] for each in received] == ["fleet.node.enrolled"]


class TestOrder:
    def asked(self, deployer, environment=None, chosen=(), **what):
        console = Console(environment or {})
        account = deployer.account()
        file = StageFile(ROOT / "infra" / "stages" / f"{STAGE}.toml", chosen=chosen)
        return deployments(Asked(STAGE, **what), file, account, console, deployer.folder)

    def families(self, deployer, *asked, **what):
        return [each.deployable.family.name for each in self.asked(deployer, *asked, **what)]

    def test_core_is_deployed_before_families_and_a_further_stack_alone(self, deployer):
        assert isinstance(self.asked(deployer)[0], CoreDeployment)
        assert not [each for each in self.asked(deployer)[1:] if not isinstance(each, FamilyDeployment)]
        [further] = self.asked(deployer, role="further", name="west")
        assert isinstance(further, FurtherDeployment)

    def test_first_deployment_has_the_families_of_the_file_or_the_default(self, deployer):
        assert self.families(deployer) == [each.name for each in families.chosen("")]
        assert self.families(deployer, chosen=("fleet",)) == ["fleet"]

    def test_stage_with_a_core_keeps_its_families_without_being_told(self, deployer):
        deployer.deployable = chosen("fleet")[0]
        deployer.core()

        assert self.families(deployer) == ["fleet"]
        assert self.families(deployer, families="cloud") == ["fleet", "machines", "cloud"]
        assert self.families(deployer, chosen=("fleet", "machines")) == ["fleet", "machines"]
        roll_back = {"ROLL_BACK": "1"}
        assert self.families(deployer, roll_back, chosen=("fleet", "machines")) == ["fleet"]

    def test_family_whose_first_deployment_failed_is_repeated_without_its_name(self, deployer):
        deployer.deployable = chosen("machines")[0]
        deployer.core()

        assert self.families(deployer) == ["fleet", "machines"]
        assert self.families(deployer, {"ROLL_BACK": "1"}) == ["fleet"]

    def test_deployment_of_an_unknown_family_is_refused(self, deployer):
        with pytest.raises(ValueError, match="'toy' is no family"):
            self.asked(deployer, families="toy")
