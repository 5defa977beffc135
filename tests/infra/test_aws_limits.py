"""AWS's limits, for every stack of every family, with the longest names that the templates accept, in regions of every
kind. A new family is among them without a line here."""

import pytest

from chalicelib.settings import Settings
from infra.artifacts import TEMPLATE_BYTES
from infra.parameters import documented_settings
from infra.policies import documents_of
from infra.resolved import resolved
from infra.stateful import stateful_template, to_compact_json
from tests.infra.places import EVERY, PLACES, STAGE, parameters_of_the_application

POLICY_CHARACTERS = 10_240
"""What the inline policies of a role may have together, white space aside (IAM quotas)."""

MANAGED_POLICY_CHARACTERS = 6_144
"""What a managed policy may have (IAM quotas)."""

MANAGED_POLICIES_OF_A_ROLE = 10

ROOM = 1_000
"""What a change may add before somebody has to think."""

ENVIRONMENT_BYTES = 4_096
"""What Lambda takes of variables, names and values together (Lambda quotas)."""

ENVIRONMENT_ROOM = 885
"""`ROOM` of an environment: the name of the bucket of outputs, `SHORT_WAY` and `TENANT_QUOTAS` took the rest."""

RESOURCES = 500
"""In one template, after its transformation (CloudFormation quotas)."""

RESOURCES_OF_A_REST_API = 300
"""API Gateway's quota of paths in one API."""

ZIP_BYTES, UNPACKED_BYTES = 50_000_000, 250_000_000
"""What Lambda takes of a function's code, packed and unpacked (Lambda quotas)."""

PARAMETERS = 200
OUTPUTS = 200
LONG_SETTING = 40
"""Characters of a setting that a deployer makes longer than its default."""

WITH_STATE = [name for name, each in EVERY.items() if each.has_state]


def of_type(template, kind):
    return {name: each["Properties"] for name, each in template["Resources"].items() if each["Type"] == kind}


def sizes_of(template, kind):
    """The characters of all policies of each resource of that type, together."""
    return {
        name: sum(map(len, map(to_compact_json, documents_of(each))))
        for name, each in template["Resources"].items()
        if each["Type"] == kind
    }


@pytest.fixture(params=[(name, place) for name in EVERY for place in PLACES], ids=lambda it: f"{it[0]}-{it[1].region}")
def deployed(request, every_template):
    """A stack of the longest names, with everything that is optional, in each place."""
    name, place = request.param
    options = {
        "SubnetIds": "subnet-1,subnet-2",
        "SecurityGroupIds": "sg-1",
        "Firewall": "on",
        "AlarmEmail": "operations@example.com",
        "RestDomainName": "edge.example.com",
        "RestCertificateArn": place.arn("acm", "certificate/1"),
        "WebsocketDomainName": "sockets.example.com",
        "WebsocketCertificateArn": place.arn("acm", "certificate/2"),
        "ApiReservedConcurrency": "100",
    }
    given = parameters_of_the_application(place, deployable=EVERY[name]) | options
    return resolved(every_template[name], given, place)


def test_role_policies_fit_into_iam_with_reserve(deployed):
    inline, managed = sizes_of(deployed, "AWS::IAM::Role"), sizes_of(deployed, "AWS::IAM::ManagedPolicy")

    assert max({**inline, **managed}.values()) > ROOM
    assert {name: size for name, size in inline.items() if size > POLICY_CHARACTERS - ROOM} == {}
    assert {name: size for name, size in managed.items() if size > MANAGED_POLICY_CHARACTERS - ROOM} == {}
    attached = [len(role.get("ManagedPolicyArns", [])) for role in of_type(deployed, "AWS::IAM::Role").values()]
    assert max(attached) <= MANAGED_POLICIES_OF_A_ROLE / 2


def test_function_environments_fit_into_lambda_with_reserve(deployed):
    """With every setting as long as its default, or somewhat longer where there is none."""
    defaults = {name: Settings.model_fields[name.lower()].default for name in documented_settings()}
    settings = {
        name: len(",".join(default) if isinstance(default, tuple) else str(default)) if default else LONG_SETTING
        for name, default in defaults.items()
    }
    for properties in of_type(deployed, "AWS::Lambda::Function").values():
        variables = properties["Environment"]["Variables"]
        size = sum(len(name) + max(len(value), settings.get(name, 0)) for name, value in variables.items())

        assert size < ENVIRONMENT_BYTES - ENVIRONMENT_ROOM


@pytest.mark.parametrize("name", EVERY)
def test_application_template_fits_into_cloudformation_with_reserve(every_package, every_template, name):
    template = every_template[name]

    assert len(template["Resources"]) < RESOURCES / 2
    assert len(template["Parameters"]) < PARAMETERS * 3 / 4
    assert len(template["Outputs"]) < OUTPUTS / 2
    assert len(to_compact_json(every_package[name])) < TEMPLATE_BYTES


@pytest.mark.parametrize("name", EVERY)
def test_rest_api_fits_into_api_gateway(every_package, name):
    paths = every_package[name]["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["paths"]
    levels = {"/".join(path.split("/")[:depth]) for path in paths for depth in range(1, path.count("/") + 2)}

    assert len(levels) < RESOURCES_OF_A_REST_API


@pytest.mark.parametrize("name", WITH_STATE)
def test_stateful_template_fits_into_cloudformation_with_reserve(name):
    template = stateful_template(EVERY[name], retain=True)

    assert len(template["Resources"]) < RESOURCES / 2
    assert len(template["Outputs"]) < OUTPUTS / 2
    assert len(to_compact_json(template)) < TEMPLATE_BYTES / 2


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.region)
@pytest.mark.parametrize("name", WITH_STATE)
def test_queue_and_table_names_fit_and_queues_have_one_policy_each(name, place):
    given = {"Stage": STAGE, "EventBusName": "bus"}
    state = resolved(stateful_template(EVERY[name], retain=True), given, place)
    queues = of_type(state, "AWS::SQS::Queue").values()

    assert max((len(each["QueueName"]) for each in queues), default=0) <= 80
    assert max(len(each["TableName"]) for each in of_type(state, "AWS::DynamoDB::Table").values()) <= 255
    guarded = [queue for each in of_type(state, "AWS::SQS::QueuePolicy").values() for queue in each["Queues"]]
    assert len(guarded) == len(set(guarded)) == len(queues)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.region)
@pytest.mark.parametrize("name", EVERY)
def test_parameter_values_fit_into_cloudformation(name, place):
    parameters = parameters_of_the_application(place, deployable=EVERY[name])

    assert max(len(value) for value in parameters.values()) < 4_096


def test_code_of_all_families_fits_into_lambda(real_zip):
    """All functions are deployed from one zip."""
    archive = real_zip.code.parent / "build" / "packaged" / "deployment.zip"
    unpacked = sum(path.stat().st_size for path in real_zip.code.rglob("*") if path.is_file())

    assert archive.stat().st_size < ZIP_BYTES / 2
    assert unpacked < UNPACKED_BYTES / 2
