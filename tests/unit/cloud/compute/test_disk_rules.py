"""The rules of volumes."""

import pytest

from chalicelib.cloud.compute import disk_rules as rules
from chalicelib.cloud.compute.disk_model import VOLUME, Attachment, VolumeSpec
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.platform.provisioning.model import Resource, State

TIME = "2026-11-21T10:00:00Z"
SPEC = VolumeSpec(size_gb=1, zone="eu-central-1a")
VOLUME_ROW = Resource(
    id="v", tenant="t", kind=VOLUME, name="database", spec=SPEC.model_dump(), inserted_at=TIME, updated_at=TIME
)


@pytest.mark.parametrize(("provider", "zone"), [("local", "local-a"), ("ec2", "eu-central-1b")])
def test_process_and_machine_in_another_zone_take_no_volume(provider, zone):
    with pytest.raises(EdgeError) as error:
        rules.check_reach(VOLUME_ROW, provider, zone)
    assert error.value.kind is Kind.CONFLICT


def test_attachment_claims_its_device_and_keeps_the_name():
    changes = rules.attached(VOLUME_ROW, Attachment(instance_id="i", device="/dev/sdf", mount_path="/data"))
    assert changes.claims == ("volume-name/database", "devices-i//dev/sdf")


@pytest.mark.parametrize("state", [State.PENDING, State.CREATING, State.FAILED])
def test_volume_that_is_not_there_yet_or_has_failed_is_not_available(state):
    with pytest.raises(EdgeError, match="it has to be AVAILABLE"):
        rules.check_available(VOLUME_ROW.model_copy(update={"state": state}))
