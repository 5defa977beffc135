"""The package: the real application through Chalice, merged."""

import json
import subprocess
import sys
import zipfile
from datetime import timedelta

import pytest

from chalicelib.platform.context import ScheduleSource
from infra.deployables import CORE, FURTHER
from infra.local.transform import CONCURRENCY, WAITING_CONCURRENCY, local_state, local_template
from infra.package import ROOT, kept_in_package, package, run_chalice
from infra.stateful import stateful_template
from tests.infra.roles import statements_of


@pytest.fixture(scope="module")
def packaged(tmp_path_factory):
    return package(tmp_path_factory.mktemp("build"), "local", code_only=True)


def test_packaged_functions_equal_the_declared_ones(packaged):
    template, _ = packaged
    deployed = {name for name, each in template["Resources"].items() if each["Type"] == "AWS::Serverless::Function"}

    assert deployed == {each.resource for each in CORE.functions}


def test_packaged_schedules_have_their_declared_rate(packaged):
    template, _ = packaged
    units = {"minute": 1, "hour": 60, "day": 60 * 24}
    for each in CORE.functions:
        if isinstance(each.source, ScheduleSource):
            events = template["Resources"][each.resource]["Properties"]["Events"].values()
            [schedule] = [event["Properties"]["Schedule"] for event in events if event["Type"] == "Schedule"]
            count, unit = schedule.removeprefix("rate(").removesuffix(")").split()
            assert timedelta(minutes=int(count) * units[unit.removesuffix("s")]) == each.source.every


def test_packaged_function_has_a_role_of_its_own(packaged):
    template, _ = packaged
    roles = {each.name: template["Resources"][each.resource]["Properties"]["Role"] for each in CORE.functions}

    assert roles == {each.name: {"Fn::GetAtt": [each.role, "Arn"]} for each in CORE.functions}
    for each in CORE.functions:
        assert len(template["Resources"][each.role]["Properties"]["Policies"]) == 1


def test_packaged_template_has_no_placeholder_left(packaged):
    template, _ = packaged
    events = [
        event["Properties"]
        for each in CORE.functions
        for event in template["Resources"][each.resource]["Properties"].get("Events", {}).values()
    ]

    assert events
    for event in events:
        assert "000000000000" not in json.dumps(event)
        assert "Fn::Sub" not in event.get("Queue", {})


def test_packaged_gateway_responses_are_customised(packaged):
    template, _ = packaged
    body = template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]

    assert "THROTTLED" in body["x-amazon-apigateway-gateway-responses"]
    assert body["paths"]


def test_throttled_routes_are_routes_of_the_api(packaged):
    template, _ = packaged
    properties = template["Resources"]["RestAPI"]["Properties"]
    paths = properties["DefinitionBody"]["paths"]

    assert properties["MethodSettings"][0]["ResourcePath"] == "/*"
    for setting in properties["MethodSettings"][1:]:
        path = setting["ResourcePath"].removeprefix("/").replace("~1", "/")
        assert setting["HttpMethod"].lower() in paths[path]


def test_handlers_load_from_the_zip_alone(packaged, tmp_path):
    """As Lambda does it: from the folder of the zip, by the handler's string, without this repository on the path."""
    template, archive = packaged
    with zipfile.ZipFile(archive) as content:
        content.extractall(tmp_path)
    handlers = [template["Resources"][each.resource]["Properties"]["Handler"] for each in CORE.functions]
    load = (
        "import importlib, sys\n"
        "for handler in sys.argv[1:]:\n"
        "    module, _, name = handler.rpartition('.')\n"
        "    assert callable(getattr(importlib.import_module(module), name)), handler\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", load, *handlers],
        cwd=tmp_path,
        env={"AWS_DEFAULT_REGION": "us-east-1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_zip_contains_compiled_modules(packaged):
    _, archive = packaged
    with zipfile.ZipFile(archive) as content:
        names = set(content.namelist())

    assert f"__pycache__/app.{sys.implementation.cache_tag}.pyc" in names
    assert not [name for name in names if name.startswith(("infra/", "tests/", "requirements"))]


def test_zip_of_the_same_sources_is_identical_for_every_stage(packaged, tmp_path):
    _, archive = packaged
    _, again = package(tmp_path, "s" * 16, code_only=True)

    assert again.read_bytes() == archive.read_bytes()


def test_stack_beside_another_takes_its_zip(packaged, tmp_path):
    _, archive = packaged
    template, taken = package(tmp_path, "local", code_only=True, deployable=FURTHER, archive=archive)

    assert taken == archive
    assert {each.resource for each in FURTHER.functions} <= set(template["Resources"])
    assert [path.name for path in (tmp_path / "packaged").iterdir()] == ["sam.json"]


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("app.py", True),
        ("botocore/data/dynamodb/2012-08-10/service-2.json.gz", True),
        ("botocore/data/rds/2014-10-31/service-2.json.gz", False),
        ("botocore/data/endpoints.json", True),
        ("botocore/session.py", True),
        ("pydantic/__pycache__/main.cpython-311.pyc", False),
    ],
)
def test_package_omits_only_unneeded_files(name, kept):
    assert kept_in_package([name]) == ([name] if kept else [])


class TestLocalTemplate:
    @pytest.fixture
    def local(self, packaged):
        template, _ = packaged
        return local_template(
            template,
            websocket_url="ws://127.0.0.1:1/agent",
            endpoint_of=lambda name: f"http://127.0.0.1:2/{name}",
            variables={"MAIL_DIR": "/tmp/mails"},
        )

    def test_local_template_leaves_the_packaged_template_unchanged(self, packaged, local):
        template, _ = packaged

        [schedule] = template["Resources"]["CheckHealth"]["Properties"]["Events"].values()
        assert "Enabled" not in schedule["Properties"]
        statements = statements_of(template, "ApiHandlerRole")
        assert any("Condition" in each for each in statements if each["Action"][0].startswith("kms:"))

    def test_local_kms_statements_have_no_condition(self, local):
        for each in CORE.functions:
            of_kms = [one for one in statements_of(local, each.role) if one["Action"][0].startswith("kms:")]
            assert not [one for one in of_kms if "Condition" in one]

    def test_local_state_has_no_policy_that_requires_tls(self):
        state = stateful_template(CORE, retain=False)
        kept = local_state(state)["Resources"]

        assert {*state["Resources"]} - {*kept} == {"QueuePolicy", "ArtifactsPolicy", "OutputBucketPolicy"}

    def test_local_schedules_are_disabled(self, local):
        schedules = [
            event["Properties"]
            for each in CORE.functions
            for event in local["Resources"][each.resource]["Properties"].get("Events", {}).values()
            if event["Type"] == "Schedule"
        ]

        assert len(schedules) == len([each for each in CORE.functions if isinstance(each.source, ScheduleSource)])
        assert all(schedule["Enabled"] is False for schedule in schedules)

    def test_local_function_has_its_own_aws_endpoint(self, local):
        for each in CORE.functions:
            variables = local["Resources"][each.resource]["Properties"]["Environment"]["Variables"]
            assert variables["AWS_ENDPOINT_URL"] == f"http://127.0.0.1:2/{each.name}"
            assert variables["WEBSOCKET_MANAGEMENT_URL"]["Fn::Sub"].startswith(f"http://127.0.0.1:2/{each.name}/_aws/")

    def test_local_gateway_responses_are_separate_resources(self, local):
        kinds = [
            resource["Properties"]["ResponseType"]
            for resource in local["Resources"].values()
            if resource["Type"] == "AWS::ApiGateway::GatewayResponse"
        ]

        assert "THROTTLED" in kinds
        body = local["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
        assert "x-amazon-apigateway-gateway-responses" not in body

    def test_local_queue_workers_have_bounded_concurrency(self, local):
        (event,) = local["Resources"]["CreateExecutions"]["Properties"]["Events"].values()

        assert event["Properties"]["ScalingConfig"] == {"MaximumConcurrency": CONCURRENCY}
        (event,) = local["Resources"]["DeliverWebhook"]["Properties"]["Events"].values()
        assert event["Properties"]["ScalingConfig"] == {"MaximumConcurrency": WAITING_CONCURRENCY}


def test_application_that_does_not_load_is_not_packaged(tmp_path):
    (tmp_path / "app.py").write_text("raise SystemError('broken')")
    (tmp_path / ".chalice").mkdir()
    (tmp_path / ".chalice" / "config.json").write_text('{"version": "2.0", "app_name": "broken"}')
    merge = tmp_path / "fragment.json"
    merge.write_text("{}")

    with pytest.raises(RuntimeError, match="broken"):
        run_chalice(tmp_path, "dev", merge, tmp_path / "out", {})


def test_packaged_path_has_one_route_for_undeclared_methods(packaged):
    template, _ = packaged
    paths = template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["paths"]
    assert all("x-amazon-apigateway-any-method" in methods for methods in paths.values())
    assert set(paths["/{proxy+}"]) == {"x-amazon-apigateway-any-method"}


def test_local_template_has_a_route_for_each_method(packaged):
    template, _ = packaged
    local = local_template(template, websocket_url="ws://x", endpoint_of=lambda _: "http://x", variables={})
    paths = local["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["paths"]
    for methods in paths.values():
        assert set(methods) == {"delete", "get", "head", "options", "patch", "post", "put"}


def test_invalid_stage_name_is_not_packaged(tmp_path):
    command = [sys.executable, "-m", "infra.package", "--stage", "s" * 17, "--build", str(tmp_path), "--code-only"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr.startswith("make package: STAGE has to be 2 to 16 lower-case letters and digits")
