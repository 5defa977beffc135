"""The file of a stage: what may stand in it, and how a mistake in it is told."""

import re
import subprocess
import sys

import pytest

from chalicelib import families
from chalicelib.platform.context import Role
from infra.deployment.base import settable
from infra.deployment.checked import check_parameters
from infra.deployment.keys import given_keys
from infra.deployment.stagefile import FOLDER, StageFile, check_stage, read
from infra.deployment.urls import Urls
from infra.fragment import fragment
from infra.package import ROOT
from infra.parameters import SECRET_KEYS, documented_settings, parameter_name
from tests.infra.places import STACKS

OWN = "https://abc.example/api"


def written(folder, text):
    (folder / "try.toml").write_text(text)
    return read("try", settable(), folder)


class TestRead:
    def test_documented_stage_file_example_is_read(self, tmp_path):
        (example,) = re.findall(r"```toml\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)
        file = written(tmp_path, example)

        assert file.account
        assert file.region
        assert file.chosen
        assert file.settings
        assert file.further["west"]

    def test_committed_stage_files_are_read(self):
        for path in FOLDER.glob("*.toml"):
            check_stage(path.stem)
            assert read(path.stem, settable()).exists

    def test_stage_values_become_variable_text(self, tmp_path):
        text = """
            [settings]
            POLL_SECONDS = 30
            API_DOCS_ENABLED = false
            PUBLIC_RATE_PER_SECOND = 2.5
            CORE_NAME = "berlin"
            CORS_ALLOWED_ORIGINS = ["https://a.example", "https://b.example"]
            ADMIN_NAME = ""
            [further.west]
            PUSH_ENABLED = true
        """
        file = written(tmp_path, text)

        assert file.settings == {
            "POLL_SECONDS": "30",
            "API_DOCS_ENABLED": "false",
            "PUBLIC_RATE_PER_SECOND": "2.5",
            "CORE_NAME": "berlin",
            "CORS_ALLOWED_ORIGINS": "https://a.example,https://b.example",
            "ADMIN_NAME": "",
        }
        assert file.further == {"west": {"PUSH_ENABLED": "true"}}

    @pytest.mark.parametrize("family", families.NAMES[1:])
    def test_stack_of_every_other_family_may_have_options(self, tmp_path, family):
        file = written(tmp_path, f"[family.{family}]\nREST_DOMAIN_NAME = 'edge.example.com'")

        assert file.families == {family: {"REST_DOMAIN_NAME": "edge.example.com"}}

    def test_stage_without_a_file_sets_nothing(self, tmp_path):
        file = read("try", settable(), tmp_path)

        assert file == StageFile(tmp_path / "try.toml")
        assert not file.exists

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("[settings", "Expected"),
            ("colour = 1", "colour is unknown here; allowed: account, region, families, [settings], [further.NAME]"),
            ("account = 123456789012", "account has to be a text that matches [0-9]{12}"),
            ('families = ["toys"]', "families has to be a list with some of fleet, machines, cloud, ['toys'] is not"),
            ('families = "fleet"', "families has to be a list with some of fleet, machines, cloud, 'fleet' is not"),
            ('region = "Frankfurt"', "region has to be a text that matches"),
            ("settings = 1", "settings has to be a table, [settings]"),
            ("[family.toys]", "[family]: toys is not a family with a stack of its own"),
            ("[settings]\nPOL_SECONDS = 1", "[settings]: there is no setting POL_SECONDS; is POLL_SECONDS meant?"),
            ("[settings]\nTABLE_PREFIX = 'x'", "[settings]: there is no setting TABLE_PREFIX"),
            ("[settings]\nStage = 'x'", "[settings]: there is no setting Stage"),
            ("[settings]\nMASTER_KEY = 'x'", "MASTER_KEY is a key: it does not stand in a file"),
            ("[settings]\nPOLL_SECONDS = 2026-01-01", "[settings]: POLL_SECONDS has to be a text, a number"),
            ("[settings]\nCORE_NAME = [true]", "[settings]: CORE_NAME has to be a text, a number"),
            ("[further.West]\n", "[further]: NAME of a further stack has to match"),
            (
                "[further.west]\nPOLL_SECONDS = 1",
                "POLL_SECONDS is the same in all stacks of a stage: set it in [settings]",
            ),
            ("[further]\nwest = 1", "further.west has to be a table"),
        ],
    )
    def test_stage_file_mistake_is_reported_with_file_and_key(self, tmp_path, text, told):
        with pytest.raises(ValueError, match=re.escape(told)) as raised:
            written(tmp_path, text)
        assert str(raised.value).startswith(str(tmp_path / "try.toml"))

    def test_every_documented_setting_may_be_set(self):
        names = settable()

        assert set(documented_settings()) <= names["settings"]
        assert not names["settings"] & set(SECRET_KEYS)


@pytest.mark.parametrize(("role", "part"), [(Role.CORE, "settings"), (Role.FURTHER, "further")])
def test_settable_names_are_optional_parameters(role, part):
    parameters = fragment(STACKS[role])["Parameters"]
    optional = {name for name, declared in parameters.items() if "Default" in declared}

    assert {parameter_name(name) for name in settable()[part]} <= optional


@pytest.mark.parametrize("stage", ["", "P", "Prod", "my-stage", "1st", "s" * 17, "dev "])
def test_invalid_stage_name_is_refused(stage):
    with pytest.raises(ValueError, match="STAGE has to be 2 to 16 lower-case letters and digits"):
        check_stage(stage)


def test_longest_stage_name_is_accepted():
    check_stage("s" * 16)


@pytest.mark.parametrize(
    ("declared", "value", "told"),
    [
        ({"Type": "String", "AllowedValues": ["on", "off"]}, "maybe", "LIMIT=maybe: allowed: on, off"),
        ({"Type": "String", "AllowedPattern": "[a-z]+"}, "A", r"LIMIT=A: has to match"),
        ({"Type": "Number", "MinValue": 1}, "0", "LIMIT=0: has to be from 1 to any"),
        ({"Type": "Number", "MaxValue": 5}, "6", "LIMIT=6: has to be from any to 5"),
        ({"Type": "Number"}, "many", "LIMIT=many: has to be a number"),
    ],
)
def test_parameter_values_that_cloudformation_refuses_are_refused_first(declared, value, told):
    with pytest.raises(ValueError, match=told):
        check_parameters({"Parameters": {"Limit": declared}}, {"LIMIT": value, "OTHER": "x"})


class TestKeys:
    def test_deployment_keys_come_from_deploy_variables_only(self):
        shell = {"API_KEY": "x" * 40, "MASTER_KEY": "y" * 40, "DEPLOY_METRICS_KEY": "z" * 40, "DEPLOY_API_KEY": ""}
        assert given_keys(shell) == {"METRICS_KEY": "z" * 40}

    @pytest.mark.parametrize("name", SECRET_KEYS)
    def test_short_key_is_refused_without_being_shown(self, name):
        with pytest.raises(ValueError, match=f"DEPLOY_{name} has 8 characters, and needs 20") as raised:
            given_keys({f"DEPLOY_{name}": "hunter22"})
        assert "hunter22" not in str(raised.value)

    @pytest.mark.parametrize("value", ["ключ" * 10, "k" * 40 + "\n", "k" * 20 + " " + "k" * 20])
    def test_key_that_no_header_can_carry_is_refused(self, value):
        with pytest.raises(ValueError, match="no header can carry"):
            given_keys({"DEPLOY_API_KEY": value})


class TestUrls:
    DEPLOYED = {"EndpointURL": f"{OWN}/"}  # noqa: RUF012 - read only
    NEW = {"EndpointURL": "https://edge.example.com/"}  # noqa: RUF012 - read only

    def test_first_deployment_learns_its_url(self):
        urls = Urls({}, {}, {})
        assert urls.parameters({}) == {"PublicUrl": ""}
        assert urls.follow_from(self.DEPLOYED)
        assert urls.parameters(self.DEPLOYED) == {"PublicUrl": OWN}

    def test_public_url_follows_the_address_of_the_api(self):
        urls = Urls({}, {"PublicUrl": OWN}, self.DEPLOYED)
        assert not urls.follow_from(self.DEPLOYED)
        assert urls.follow_from(self.NEW)
        assert urls.parameters(self.NEW) == {"PublicUrl": "https://edge.example.com"}

    def test_chosen_url_stays_when_the_file_omits_it(self):
        assert Urls({"PUBLIC_URL": "https://mine"}, {}, {}).parameters(self.DEPLOYED) == {}
        assert Urls({}, {"PublicUrl": "https://mine"}, self.DEPLOYED).parameters(self.DEPLOYED) == {}

    def test_url_set_to_nothing_follows_the_api_again(self):
        urls = Urls({"PUBLIC_URL": ""}, {"PublicUrl": "https://mine"}, self.DEPLOYED)
        assert urls.parameters(self.DEPLOYED) == {"PublicUrl": OWN}

    def test_agent_urls_derive_from_the_public_url_unless_chosen(self):
        def at_the_core(url):
            return f"{url},https://core"

        made = {"PublicUrl": OWN, "AdminUrls": f"{OWN},https://old-core"}
        assert (
            Urls({}, made, self.DEPLOYED, at_the_core).parameters(self.DEPLOYED)["AdminUrls"] == f"{OWN},https://core"
        )
        chosen = {"PublicUrl": OWN, "AdminUrls": "https://a"}
        assert "AdminUrls" not in Urls({}, chosen, self.DEPLOYED, at_the_core).parameters(self.DEPLOYED)
        asked = Urls({"ADMIN_URLS": "https://b"}, made, self.DEPLOYED, at_the_core)
        assert "AdminUrls" not in asked.parameters(self.DEPLOYED)
        again = Urls({"ADMIN_URLS": ""}, chosen, self.DEPLOYED, at_the_core)
        assert again.parameters(self.DEPLOYED)["AdminUrls"] == f"{OWN},https://core"
        own = Urls({"PUBLIC_URL": "https://mine"}, {}, {}, at_the_core)
        assert own.parameters({})["AdminUrls"] == "https://mine,https://core"


class TestCommand:
    """As `make deploy` starts it: nothing of this gets as far as AWS."""

    def run(self, *arguments, **environment):
        nowhere = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null"}
        return subprocess.run(
            [sys.executable, "-m", "infra.deploy", *arguments],
            env={**nowhere, "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", **environment},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    @pytest.mark.parametrize(
        ("arguments", "environment", "told"),
        [
            (["--stage", "Prod"], {}, "STAGE has to be 2 to 16 lower-case letters and digits"),
            (["--stage", "prod", "--role", "further", "--name", "Far"], {}, "NAME of a further stack has to match"),
            (["--stage", "prod"], {"DEPLOY_API_KEY": "x"}, "DEPLOY_API_KEY has 1 characters, and needs 20"),
            (["--stage", "prod"], {}, "no region: set AWS_REGION"),
            (["--stage", "prod"], {"AWS_REGION": "eu-west-1"}, "no AWS credentials"),
            (
                ["--stage", "prod"],
                {"AWS_REGION": "eu-west-1", "AWS_PROFILE": "nobody"},
                "AWS does not know who deploys",
            ),
        ],
    )
    def test_missing_deploy_argument_is_named_in_a_sentence(self, arguments, environment, told):
        done = self.run(*arguments, **environment)

        assert done.returncode == 2
        assert done.stderr.startswith("make deploy: ")
        assert told in done.stderr
        assert done.stderr.count("\n") == 1
