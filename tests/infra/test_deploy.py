"""`make deploy` of a core: what is asked, planned, kept and refused, on the emulator, with every call noted."""

import io
import sys
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from chalicelib.fleet.distribution.model import CURRENT
from infra import deploy
from infra.changes import Kind
from infra.deployment.account import RefusedError
from infra.deployment.base import DeclinedError, Deployment
from infra.deployment.plan import Console
from infra.rotate import RotationError
from infra.stack_events import StackFailedError
from tests.infra.deploying import STAGE, Deployer, small_application

STATE, APPLICATION = f"edge-admin-{STAGE}-state", f"edge-admin-{STAGE}"
URL = "https://abc.execute-api.us-east-1.amazonaws.com/api"
NEW_KEY = "k" * 40


@pytest.fixture
def deployer(emulator, tmp_path):
    deployer = Deployer(emulator.url, tmp_path)
    yield deployer
    deployer.session.close()


def changed_anything(deployer):
    harmless = {"CreateChangeSet", "DeleteChangeSet", "PutObject"}
    changing = ("Create", "Update", "Delete", "Execute", "Put")
    return [name for _, name, _ in deployer.session.calls if name.startswith(changing) and name not in harmless]


class TestTheFirst:
    def test_first_deployment_makes_protected_stacks_and_sets_the_url(self, deployer):
        deployer.core({"POLL_SECONDS": "30"})

        assert len(deployer.asked) == 1
        for stack in (STATE, APPLICATION):
            assert deployer.stack(stack)["EnableTerminationProtection"] is True
            assert f"Stack {stack}: is created" in deployer.printed
        parameters = deployer.parameters(APPLICATION)
        assert (parameters["PollSeconds"], parameters["PublicUrl"]) == ("30", URL)
        assert f"API        {URL}" in deployer.printed

    def test_deployment_names_its_target_before_it_asks(self, deployer):
        deployer.answer = "n"
        with pytest.raises(DeclinedError):
            deployer.core({"POLL_SECONDS": "30"})

        assert "Account  000000000000 (acme), as arn:aws:iam::000000000000:user/ada" in deployer.printed
        assert "Region   us-east-1" in deployer.printed
        assert 'POLL_SECONDS: "30"' in deployer.printed
        assert changed_anything(deployer) == []

    def test_failed_first_deployment_names_the_cause_and_may_be_repeated(self, deployer):
        deployer.template = broken_application
        with pytest.raises(StackFailedError, match=r"could not create the stack edge-admin-try:\n  Broken \(AWS::"):
            deployer.core()
        assert [each["Key"] for each in deployer.session.called("PutObject") if each["Key"] == CURRENT] == []
        deployer.template = small_application
        deployer.core()

        assert deployer.parameters(APPLICATION)["PublicUrl"] == URL


class TestTheNext:
    SETTINGS = {"POLL_SECONDS": "30", "CORE_NAME": "berlin"}  # noqa: RUF012 - read only

    @pytest.fixture
    def deployed(self, deployer):
        deployer.core(self.SETTINGS)
        return deployer

    def test_deployment_without_settings_changes_no_parameter(self, deployed):
        before = deployed.parameters(APPLICATION)
        deployed.template = changed_application
        deployed.core()

        (request,) = [each for each in deployed.session.called("CreateChangeSet") if each["StackName"] == APPLICATION]
        kept = {each["ParameterKey"] for each in request["Parameters"] if each.get("UsePreviousValue")}
        sent = {
            each["ParameterKey"]: each["ParameterValue"] for each in request["Parameters"] if "ParameterValue" in each
        }
        assert {"PollSeconds", "CoreName"} <= kept
        assert sent == {name: before[name] for name in sent}
        assert deployed.parameters(APPLICATION) == before
        assert " -> " not in deployed.printed

    def test_unchanged_deployment_asks_nothing_and_changes_nothing(self, deployed):
        deployed.core(self.SETTINGS)

        assert deployed.asked == []
        assert changed_anything(deployed) == []
        assert f"Stack {APPLICATION}: stays as it is" in deployed.printed

    def test_deployment_shows_old_and_new_value_of_a_setting(self, deployed):
        deployed.core({"POLL_SECONDS": "45"})

        assert 'PollSeconds: "30" -> "45"' in deployed.printed
        assert "~ modify: 1\n      Probe (AWS::SQS::Queue)" in deployed.printed
        assert deployed.parameters(APPLICATION)["PollSeconds"] == "45"
        assert deployed.parameters(APPLICATION)["CoreName"] == "berlin"

    def test_setting_emptied_in_a_deployment_returns_to_its_default(self, deployed):
        deployed.core({"POLL_SECONDS": ""})

        assert deployed.parameters(APPLICATION)["PollSeconds"] == ""

    def test_declined_deployment_changes_nothing_and_leaves_no_change_set(self, deployed):
        deployed.answer = "n"
        with pytest.raises(DeclinedError):
            deployed.core({"POLL_SECONDS": "45"})

        assert changed_anything(deployed) == []
        assert change_sets(deployed) == []
        assert deployed.parameters(APPLICATION)["PollSeconds"] == "30"

    def test_deployment_without_a_terminal_needs_yes(self, deployed):
        with pytest.raises(RefusedError, match="YES=1"):
            deployed.core({"POLL_SECONDS": "45"}, is_terminal=False)
        assert changed_anything(deployed) == []
        assert change_sets(deployed) == []

        deployed.core({"POLL_SECONDS": "45"}, {"YES": "1"}, is_terminal=False)
        assert deployed.parameters(APPLICATION)["PollSeconds"] == "45"

    def test_deployment_reads_no_setting_or_key_from_the_shell(self, deployed):
        before, keys = deployed.parameters(APPLICATION), deployed.keys()
        shell = {"AUTH_ENABLED": "false", "POLL_SECONDS": "1", "MASTER_KEY": "test", "API_KEY": "somebody-elses"}
        deployed.core(environment=shell)

        assert (deployed.parameters(APPLICATION), deployed.keys()) == (before, keys)
        assert "not read from the shell: AUTH_ENABLED, POLL_SECONDS, MASTER_KEY, API_KEY" in deployed.printed
        assert "somebody-elses" not in deployed.printed

    @pytest.mark.parametrize(
        ("settings", "told"),
        [
            ({"AUTH_ENABLED": "false"}, "AUTH_ENABLED=false is for local runs only"),
            ({"WEBHOOK_ALLOW_PRIVATE_IPS": "true"}, "WEBHOOK_ALLOW_PRIVATE_IPS=true is for local runs only"),
            ({"POLL_SECONDS": "0"}, "POLL_SECONDS=0: Input should be greater than or equal to 1"),
            ({"POLL_SECONDS": "soon"}, "POLL_SECONDS=soon: Input should be a valid integer"),
            ({"VPN_MODE": "netmaker"}, "VPN_MODE is netmaker, and NETMAKER_API_URL is not set"),
            ({"FIREWALL": "maybe"}, "FIREWALL=maybe: allowed: on, off"),
            ({"ROUTES_RATE": "0"}, "ROUTES_RATE=0: has to be from 1"),
            ({"SUBNET_IDS": "subnet-1"}, "SUBNET_IDS is set, and SECURITY_GROUP_IDS is not"),
        ],
    )
    def test_invalid_setting_is_refused_before_anything_changes(self, deployer, settings, told):
        with pytest.raises(ValueError, match=told):
            deployer.core(settings)

        assert changed_anything(deployer) == []
        assert deployer.asked == []

    def test_new_settings_are_checked_together_with_stored_ones(self, deployed):
        deployed.core({"NETMAKER_API_URL": "https://api.nm.example.com", "VPN_MODE": "netmaker"})
        deployed.core({"POLL_SECONDS": "45"})

        assert deployed.parameters(APPLICATION)["VpnMode"] == "netmaker"

    def test_failed_update_names_the_cause_and_the_next_works(self, deployed):
        deployed.template = broken_application
        with pytest.raises(StackFailedError, match=r"could not update the stack edge-admin-try:\n  Broken \(AWS::"):
            deployed.core({"POLL_SECONDS": "45"})
        assert deployed.parameters(APPLICATION)["PollSeconds"] == "30"

        deployed.template = small_application
        deployed.core({"POLL_SECONDS": "45"})
        assert deployed.parameters(APPLICATION)["PollSeconds"] == "45"

    def test_replaced_table_or_queue_is_shown_as_a_replacement(self, deployed):
        def renamed(deployable):
            template = small_application(deployable)
            template["Resources"]["Probe"]["Properties"]["QueueName"] = "another"
            return template

        deployed.template = renamed
        deployed.core()

        assert "Look twice:\n  Probe (AWS::SQS::Queue): replace" in deployed.printed


class Busy:
    """Stacks at which somebody else works, with this end."""

    def __init__(self, end):
        self.end = end

    def status(self, name):
        return "UPDATE_IN_PROGRESS"

    def settle(self, name):
        return self.end

    def failures(self, name, status):
        return [] if status == "UPDATE_COMPLETE" else ["NodesTable (AWS::DynamoDB::Table): no"]


@pytest.mark.parametrize(
    ("end", "told"),
    [
        ("UPDATE_COMPLETE", "app is UPDATE_COMPLETE\n"),
        ("UPDATE_ROLLBACK_COMPLETE", "app is UPDATE_ROLLBACK_COMPLETE\n  NodesTable (AWS::DynamoDB::Table): no\n"),
    ],
)
def test_concurrent_deployment_is_waited_for_and_its_end_reported(end, told):
    out = io.StringIO()
    Deployment.settle(SimpleNamespace(stacks=Busy(end), console=Console({}, out)), "app")

    assert out.getvalue() == f"app is UPDATE_IN_PROGRESS: waiting for that\n{told}"


def test_deployment_over_a_failed_rollback_is_refused():
    busy = SimpleNamespace(stacks=Busy("UPDATE_ROLLBACK_FAILED"), console=Console({}, io.StringIO()))
    with pytest.raises(ValueError, match="continue-update-rollback"):
        Deployment.settle(busy, "app")


class TestKeys:
    def test_deployment_keys_are_set_by_deploy_variables_and_never_shown(self, deployer):
        deployer.core(keys={"API_KEY": NEW_KEY})
        made = deployer.keys()["MASTER_KEY"]
        assert deployer.keys() == {"MASTER_KEY": made, "API_KEY": NEW_KEY}
        assert "API_KEY: set" in deployer.printed

        deployer.core(keys={"MASTER_KEY": NEW_KEY})
        after = deployer.keys()
        assert (after["MASTER_KEY"], after["API_KEY"], after["MASTER_KEY_PREVIOUS"]) == (NEW_KEY, NEW_KEY, made)
        assert len(deployer.asked) == 1
        assert NEW_KEY not in deployer.printed
        assert made not in deployer.printed

        deployer.core(keys={"MASTER_KEY": NEW_KEY})
        assert deployer.asked == []

    def test_keys_are_not_read_where_none_is_given(self, deployer):
        deployer.core()
        deployer.core({"POLL_SECONDS": "30"})

        assert [call for call in deployer.session.calls if call[0] == "secretsmanager"] == []


class TestFurther:
    @pytest.fixture
    def both(self, deployer):
        deployer.core({"POLL_SECONDS": "30", "CORE_NAME": "berlin"})
        deployer.further(
            "west", {"PUSH_HOST": "10.0.0.1", "SUBNET_IDS": "subnet-1,subnet-2", "SECURITY_GROUP_IDS": "sg-1"}
        )
        return deployer

    STACK = f"{APPLICATION}-admin-west"

    def test_further_deployment_without_a_core_is_refused(self, deployer):
        with pytest.raises(ValueError, match=f"there is no core: make deploy STAGE={STAGE} first"):
            deployer.further("west")

    def test_further_stack_has_core_and_own_settings_and_is_protected(self, both):
        parameters = both.parameters(self.STACK)

        assert (parameters["PollSeconds"], parameters["CoreName"]) == ("30", "berlin")
        assert (parameters["PushHost"], parameters["SubnetIds"]) == ("10.0.0.1", "subnet-1,subnet-2")
        assert parameters["AdminUrls"] == f"{URL},{URL}"
        assert both.stack(self.STACK)["EnableTerminationProtection"] is True

    def test_further_stack_keeps_own_settings_and_follows_the_core(self, both):
        both.core({"POLL_SECONDS": "", "CORE_NAME": "hamburg", "API_ACCESS_LOGS": "off"})
        both.further("west")

        parameters = both.parameters(self.STACK)
        assert (parameters["PollSeconds"], parameters["CoreName"]) == ("", "hamburg")
        assert parameters["ApiAccessLogs"] == "off"
        assert (parameters["PushHost"], parameters["SubnetIds"]) == ("10.0.0.1", "subnet-1,subnet-2")

    def test_repeated_further_deployment_changes_nothing(self, both):
        both.further("west")

        assert both.asked == []
        assert changed_anything(both) == []

    def test_further_stack_of_an_older_release_is_named(self, both):
        def newer(deployable):
            template = changed_application(deployable)
            template["Outputs"]["Release"] = {"Value": "v2"}
            return template

        both.template = newer
        both.core()
        assert f"Then       make deploy STAGE={STAGE} ROLE=further NAME=west" in both.printed


def changed_application(deployable):
    template = small_application(deployable)
    template["Resources"]["Probe"]["Properties"]["DelaySeconds"] = 5
    return template


def broken_application(deployable):
    """One resource of it cannot be made: there is no such function."""
    template = small_application(deployable)
    url = {"Type": "AWS::Lambda::Url", "Properties": {"TargetFunctionArn": "missing", "AuthType": "NONE"}}
    return {**template, "Resources": {**template["Resources"], "Broken": url}}


def change_sets(deployer):
    cloudformation = deployer.client("cloudformation")
    return [
        each["ChangeSetId"]
        for stack in (STATE, APPLICATION)
        for each in cloudformation.list_change_sets(StackName=stack)["Summaries"]
        if each["ExecutionStatus"] == "AVAILABLE"
    ]


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (ValueError("POLL_SECONDS=0: too short"), 2, "POLL_SECONDS=0: too short"),
        (RefusedError("no region"), 2, "no region"),
        (DeclinedError("nothing was changed"), 1, "nothing was changed"),
        (StackFailedError("try", Kind.UPDATE, ["Probe: no"], ""), 1, "Probe: no"),
        (RotationError("somebody else has changed the secret"), 1, "somebody else has changed the secret"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutObject"), 1, "AccessDenied"),
        (ClientError({"Error": {"Code": "ExpiredToken", "Message": "old"}}, "PutObject"), 1, "the credentials ran out"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_error_that_ends_a_deployment_is_one_sentence(monkeypatch, capsys, error, status, said):
    def fails(*_):
        raise error

    monkeypatch.setattr(sys, "argv", ["deploy", "--stage", "trystage"])
    monkeypatch.setattr(deploy, "connect", fails)
    assert deploy.main({}) == status
    found = capsys.readouterr().err
    assert found.startswith("make deploy: ")
    assert said in found


def test_tables_that_cannot_change_are_refused_before_any_deployment(monkeypatch, capsys):
    done = []

    class Ours:
        def __init__(self, name, refusal=""):
            self.name, self.refusal = name, refusal

        def check_tables(self):
            if self.refusal:
                raise ValueError(self.refusal)

        def run(self):
            done.append(self.name)

    monkeypatch.setattr(sys, "argv", ["deploy", "--stage", "trystage"])
    monkeypatch.setattr(deploy, "connect", lambda *_: None)
    monkeypatch.setattr(deploy, "deployments", lambda *_: [Ours("core"), Ours("cloud", "two indexes at a time")])
    assert (deploy.main({}), done) == (2, [])
    assert "two indexes at a time" in capsys.readouterr().err
