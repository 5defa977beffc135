"""The catalogue: what the packaged one holds, what a deployment shows of it, and the errors of a wrong one."""

from copy import deepcopy

import pytest
import yaml
from pydantic import ValidationError

from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.machines.catalogue.generate import SOURCE, generated
from chalicelib.machines.catalogue.model import CatalogueFile
from chalicelib.machines.catalogue.service import GENERATED, Catalogue, packaged
from chalicelib.settings import Settings

SUBNETS = {"eu-central-1b": "subnet-2", "eu-central-1a": "subnet-1"}
PARSED = yaml.safe_load(SOURCE.read_text())


def wrong(change):
    parsed = deepcopy(PARSED)
    change(parsed)
    with pytest.raises(ValidationError) as refused:
        CatalogueFile.model_validate(parsed)
    return str(refused.value)


def test_packaged_catalogue_is_that_of_the_reviewed_file():
    assert GENERATED.read_text() == generated()[GENERATED]


def test_templates_of_a_provider_that_the_deployment_lacks_are_not_there():
    local, both = Catalogue(("local",), {}), Catalogue(("ec2", "local"), SUBNETS)

    assert {one.provider for one in local.templates} == {"local"}
    assert {one.provider for one in both.templates} == {"ec2", "local"}
    with pytest.raises(EdgeError) as refused:
        local.template("ubuntu-small")
    assert refused.value.kind is Kind.NOT_FOUND
    assert local.known_template("ubuntu-small") is not None
    assert Catalogue((), {}).templates == ()


def test_templates_of_ec2_are_in_the_zones_of_the_deployment():
    found = Catalogue(("ec2",), SUBNETS).template("ubuntu-small")

    assert (found.region, found.zones) == ("eu-central-1", ("eu-central-1a", "eu-central-1b"))


def test_region_of_a_local_zone_is_that_of_its_parent():
    assert Catalogue(("ec2",), {"us-west-2-lax-1a": "subnet-1"}).template("ubuntu-small").region == "us-west-2"


def test_template_tells_its_provider_size_disk_and_image():
    machine = Catalogue(("ec2",), SUBNETS).template("debian-small-arm").for_provider

    assert machine["machine_type"] == "t4g.small"
    assert machine["image_parameter"] == "/aws/service/debian/release/12/latest/arm64"
    assert (machine["root_device"], machine["disk_size_gb"], machine["disk_type"]) == ("/dev/xvda", 20, "gp3")
    assert "price_per_hour" not in machine


@pytest.mark.parametrize("template", packaged().templates, ids=lambda one: one.id)
def test_image_fits_the_architecture_of_its_template(template):
    parameter = template.machine.get("image_parameter", "")
    words = {"x86_64": "amd64", "arm64": "arm64"}

    assert template.provider == "local" or words[template.architecture] in parameter


def test_tiers_tell_limits_and_quotas_by_service():
    pro = Catalogue((), {}).find_tier("pro")

    assert pro.quota("compute.instances") == 50
    assert pro.per_minute("compute.create") == 60
    assert Catalogue((), {}).find_tier("gold") is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda file: file["templates"][1].update(vcpus=0), "templates.1.vcpus"),
        (lambda file: file["templates"][1].update(sise=1), "templates.1.sise"),
        (lambda file: file["templates"][1].update(provider="gce"), "templates.1.provider"),
        (lambda file: file["templates"][1]["machine"].pop("image_parameter"), "image_parameter"),
        (lambda file: file["templates"][1].update(zones=["eu-central-1a"]), "those of the deployment"),
        (lambda file: file["templates"][0].pop("zones"), "local-small: the provider local needs region and zones"),
        (lambda file: file["templates"].append(file["templates"][0]), "template local-small stands there 2 times"),
        (lambda file: file["tiers"].append(file["tiers"][0]), "tier free stands there 2 times"),
        (lambda file: file["tiers"][0]["limits"]["compute"].pop("create"), "tier free: compute.create is missing"),
        (lambda file: file["tiers"][0]["quotas"]["compute"].update(disks=1), "compute.disks is not declared"),
        (lambda file: file["tiers"][0]["limits"]["compute"].update(create=0), "tiers.0.limits.compute.create"),
        (lambda file: file["operations"].update(usage={}), "usage is a word of the paths"),
    ],
)
def test_wrong_catalogue_is_refused_with_the_place(change, told):
    assert told in wrong(change)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"machine_providers": "gce"}, "Allowed: ec2, local"),
        ({"machine_providers": "ec2"}, "MACHINE_SUBNETS names no zone and subnet"),
        ({"machine_subnets": "eu-central-1a"}, "is not zone=subnet"),
    ],
)
def test_wrong_setting_of_machines_is_refused_with_the_allowed_values(given, told):
    with pytest.raises(ValidationError, match=told):
        Settings(**given)


def test_subnets_are_read_by_zone():
    assert Settings(machine_subnets="eu-central-1a=subnet-1,eu-central-1b=subnet-2").subnet_of_zone == {
        "eu-central-1a": "subnet-1",
        "eu-central-1b": "subnet-2",
    }
