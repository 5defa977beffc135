"""The SDK in the package makes the same clients as the whole one."""

import ast
import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path

import botocore
import pytest
from botocore import xform_name
from botocore.loaders import Loader

from infra.house.sources import read
from infra.package import ROOT
from infra.sdk import DATA, OPERATIONS, SERVICES, is_description_of_another, slim

WHOLE = Path(botocore.__file__).parents[1]
REGIONS = ("us-east-1", "eu-central-1", "ap-southeast-4", "cn-north-1", "us-gov-west-1", "eusc-de-east-1", "moon-1")

PROGRAM = """
import json, sys
from botocore.session import Session
from botocore.model import OperationModel
services, regions = json.loads(sys.argv[1])
session = Session()
def shape(one):
    members = {name: each.name for name, each in one.members.items()} if one.type_name == "structure" else {}
    item = one.member.name if one.type_name == "list" else ""
    return [one.name, one.type_name, members, item, getattr(one, "required_members", [])]
def described(client):
    model = client.meta.service_model
    operations = [model.operation_model(name) for name in model.operation_names]
    return {
        "endpoint": client.meta.endpoint_url,
        "signing": [client._request_signer.signing_name, client._request_signer.region_name],
        "metadata": dict(model.metadata),
        "operations": [[one.name, dict(one.http)] for one in operations],
        "shapes": [shape(model.shape_for(name)) for name in sorted(model.shape_names)],
    }
found = {}
for service in services:
    for region in regions:
        found[f"{service} {region}"] = described(session.create_client(service, region))
print(json.dumps(found, default=str))
"""


def clients_of(packages):
    """What clients made from that SDK say of themselves."""
    asked = json.dumps([sorted(SERVICES), REGIONS])
    environment = {"PYTHONPATH": str(packages), "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, asked], env=environment, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def slimmed(tmp_path_factory):
    """A copy of the whole SDK, slimmed."""
    folder = tmp_path_factory.mktemp("packages")

    def others(path, names):
        folders = [name for name in names if (Path(path) / name).is_dir()]
        inside = Path(path).relative_to(WHOLE)
        return [name for name in folders if is_description_of_another(f"{inside / name}/service-2.json.gz")]

    shutil.copytree(WHOLE / "botocore", folder / "botocore", ignore=others)
    slim(folder)
    return folder


def test_each_operation_of_ec2_that_code_names_is_granted():
    sources = read(ROOT, ("chalicelib",))
    named = {each.attr for source in sources for each in source.nodes(ast.Attribute)}
    named |= {each.value for source in sources for each in source.nodes(ast.Constant) if isinstance(each.value, str)}
    operations = Loader().load_service_model("ec2", "service-2")["operations"]
    assert {name for name in operations if xform_name(name) in named} <= OPERATIONS["ec2"]


def test_slimmed_sdk_clients_equal_those_of_the_whole_sdk_in_what_is_called(slimmed):
    whole, own = clients_of(WHOLE), clients_of(slimmed)
    for name, client in whole.items():
        operations = OPERATIONS.get(name.split()[0])
        if operations is not None:
            needed = {shape for shape, *_ in own[name]["shapes"]}
            client["operations"] = [each for each in client["operations"] if each[0] in operations]
            client["shapes"] = [each for each in client["shapes"] if each[0] in needed]
            assert {each[0] for each in client["operations"]} == operations

    assert own == whole


def test_slimmed_sdk_holds_only_used_services_in_their_latest_version(slimmed):
    folders = {path.name: path for path in (slimmed / DATA).iterdir() if path.is_dir()}
    assert set(folders) == SERVICES
    for folder in folders.values():
        (version,) = folder.iterdir()
        assert '"documentation":"' not in (version / "service-2.json").read_text()
        assert not list(version.glob("*.gz"))
        assert not list(version.glob("examples*"))
    endpoints = json.loads((slimmed / DATA / "endpoints.json").read_text())
    assert all(len(partition["services"]) <= len(SERVICES) for partition in endpoints["partitions"])


def test_model_member_named_documentation_is_kept(tmp_path):
    for service in SERVICES:
        folder = tmp_path / DATA / service / "2012-01-01"
        folder.mkdir(parents=True)
        model = {
            "metadata": {"endpointPrefix": service},
            "operations": {name: {"input": {"shape": "Thing"}} for name in OPERATIONS.get(service, ())},
            "shapes": {
                "Thing": {"members": {"documentation": {"shape": "Text", "documentation": "<p>Long</p>"}}},
                "Text": {"type": "string"},
            },
        }
        (folder / "service-2.json.gz").write_bytes(gzip.compress(json.dumps(model).encode()))
    (tmp_path / DATA / "endpoints.json").write_text('{"partitions": [{"services": {"ecs": {}, "sqs": {}}}]}')
    slim(tmp_path)
    kept = json.loads((tmp_path / DATA / "sqs" / "2012-01-01" / "service-2.json").read_text())
    assert kept["shapes"]["Thing"]["members"] == {"documentation": {"shape": "Text"}}
    assert json.loads((tmp_path / DATA / "endpoints.json").read_text()) == {"partitions": [{"services": {"sqs": {}}}]}


def test_package_without_the_sdk_is_left_unchanged(tmp_path):
    slim(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "left_out"),
    [
        ("botocore/data/ecs/2014-11-13/service-2.json.gz", True),
        ("botocore/data/sqs/2012-11-05/service-2.json.gz", False),
        ("botocore/data/endpoints.json", False),
        ("botocore/client.py", False),
        ("chalicelib/app/data/ecs/x", False),
    ],
)
def test_sdk_slimming_omits_only_descriptions_of_unused_services(name, left_out):
    assert is_description_of_another(name) is left_out
