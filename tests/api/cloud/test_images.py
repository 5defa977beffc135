"""Images of tenants on a strict EC2 and S3: registered, uploaded, imported, launched, public, removed."""

from base64 import b64encode
from hashlib import sha256

import pytest

from tests.support.cloud import ADA, BOB, EVE, CloudScene
from tests.support.cloud_images import ask, show, until
from tests.support.disks import QCOW2, RAW, VMDK
from tests.support.instances import InstanceWorld
from tests.support.world import IMAGE_FILES

OTHER_RAW = RAW[:-1] + b"x"
"""Another disk of the same size."""

BODY = {"name": "web-base", "os": "ubuntu", "version": "24.04"}


@pytest.fixture
def scene():
    return CloudScene(InstanceWorld())


@pytest.fixture
def granted(scene, team):
    scene.request("set_quotas", json={"max_instances": 3, "max_vcpus": 4, "max_memory_gb": 5, "max_storage_gb": 9})
    return team


@pytest.fixture
def stranger(scene, granted):
    """Eve owns another tenant, that may have an instance."""
    other = scene.tenant("other")
    scene.join(other, EVE, "owner")
    quotas = {"max_instances": 1, "max_vcpus": 1, "max_memory_gb": 1}
    scene.request("set_quotas", variables={"tenant_id": other}, json=quotas)
    return other


def register(scene, **values):
    answer = ask(scene, "create_image", json={**BODY, **values})
    assert answer.status == 201, answer.text
    return answer.json["data"]


def upload(scene, image, content=RAW, address=BOB, headers=None):
    return ask(scene, "upload_image", image, address, body=content, headers=headers or {})


def make_link(scene, image, content=RAW):
    """A link for a file of that size."""
    return ask(scene, "link_image", image, json={"size_bytes": len(content)}).json["data"]


def follow(scene, link, content=RAW):
    """The status of the answer to a client that sends a file with a link."""
    return scene.world.object_client.follow(link["url"], content, link["headers"])[0]


def stored(scene, key):
    return scene.world.object_client.get_object(Bucket=IMAGE_FILES, Key=key)["Body"].read()


def active(scene, **values):
    """An image that is active."""
    image = register(scene, **values)["id"]
    scene.world.settle()
    assert upload(scene, image).status == 200
    return until(scene, image, "ACTIVE")


def launch(scene, image, address=BOB, **values):
    body = {"name": "web-1", "image": image, **values}
    return ask(scene, "launch_instance", address=address, json=body)


class TestRegister:
    def test_image_waits_for_its_file_without_any_part_at_ec2(self, scene, granted):
        made = register(scene, description="with nginx")
        assert (made["status"], made["size_gb"], made["file_path"], made["is_public"]) == ("PENDING", 0, None, False)
        scene.world.pass_time(3 * 86_400, step=3_600)
        shown = show(scene, made["id"])
        assert (shown["status"], shown["status_reason"], shown["description"]) == ("PENDING", None, "with nginx")
        assert (scene.world.ec2.imports, scene.world.ec2.amis) == ({}, {})

    @pytest.mark.parametrize(
        "values", [{"name": "ubuntu-24.04"}, {"name": "a b"}, {"name": ""}, {"os": ""}, {"version": None}]
    )
    def test_bad_body_and_a_name_of_the_installation_are_400(self, scene, granted, values):
        assert ask(scene, "create_image", json={**BODY, **values}).status == 400
        assert ask(scene, "list_images").json["data"] == []

    def test_tenant_with_an_image_that_waits_for_its_file_is_not_deleted(self, scene, granted):
        image = register(scene)["id"]
        scene.world.settle()
        scene.request("remove_member", variables={"user_id": scene.variables["bob"]})
        refused = scene.request("delete_tenant", key=scene.keys[ADA])
        assert (refused.status, "still has images" in refused.json["error"]["message"]) == (409, True)
        assert ask(scene, "delete_image", image, ADA).status == 200
        scene.world.pass_time(120)
        assert scene.request("delete_tenant", key=scene.keys[ADA]).status == 204

    def test_installation_without_ec2_makes_no_images(self):
        scene = CloudScene()
        scene.join(scene.tenant(), BOB)
        refused = ask(scene, "create_image", json=BODY)
        assert (refused.status, "EC2" in refused.text) == (409, True)


class TestUpload:
    @pytest.mark.parametrize(("content", "name"), [(RAW, "raw"), (VMDK, "vmdk")])
    def test_file_is_imported_by_the_role_and_registered_with_our_tags(self, scene, granted, content, name):
        image = register(scene)["id"]
        scene.world.settle()
        answer = upload(scene, image, content)
        assert (answer.status, answer.json["data"]) == (200, {"status": "uploaded"})
        scene.world.pass_time(10)
        assert "imports its file" in show(scene, image)["status_reason"]
        shown = until(scene, image, "ACTIVE")
        (ami,) = scene.world.ec2.amis.values()
        (task,) = scene.world.ec2.imports.values()
        source = {"S3Bucket": IMAGE_FILES, "S3Key": shown["file_path"]}
        assert task.request["DiskContainer"] == {"Format": name.upper(), "UserBucket": source}
        assert (shown["backend_path"], shown["format"], shown["size_gb"]) == (ami.id, name, 3)
        assert (shown["status_reason"], ami.tags["edge-admin:resource"]) == (None, image)
        assert scene.world.ec2.copies[ami.snapshot].tags == ami.tags

    def test_upload_before_the_row_was_looked_at_is_imported_too(self, scene, granted):
        image = register(scene)["id"]
        assert upload(scene, image).status == 200
        until(scene, image, "ACTIVE")
        assert len(scene.world.ec2.imports) == 1

    def test_form_as_the_published_api_takes_it_is_its_field_file(self, scene, granted):
        image = register(scene)["id"]
        head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.img"\r\n\r\n'
        headers = {"content-type": "multipart/form-data; boundary=b"}
        assert upload(scene, image, head + RAW + b"\r\n--b--\r\n", headers=headers).status == 200
        (key,) = {show(scene, image)["file_path"]}
        assert scene.world.object_client.get_object(Bucket=IMAGE_FILES, Key=key)["Body"].read() == RAW

    def test_file_of_another_format_is_400_with_the_remedy_and_changes_nothing(self, scene, granted):
        image = register(scene)["id"]
        refused = upload(scene, image, QCOW2)
        assert (refused.status, "qemu-img convert" in refused.text.lower()) == (400, True)
        assert show(scene, image)["file_path"] is None
        assert upload(scene, image).status == 200

    def test_large_file_comes_by_a_link_that_takes_its_size_alone(self, scene, granted):
        image = register(scene)["id"]
        assert upload(scene, image, b"").status == 409
        body = {"size_bytes": len(RAW)}
        link = ask(scene, "link_image", image, json=body).json["data"]
        headers = {"content-length": str(len(RAW)), "if-none-match": "*"}
        assert (link["method"], link["headers"]) == ("PUT", headers)
        s3 = scene.world.object_client
        assert s3.follow(link["url"], RAW + b"x", link["headers"])[0] == 403
        assert s3.follow(link["url"], RAW, link["headers"])[0] == 200
        assert upload(scene, image, b"").status == 200
        until(scene, image, "ACTIVE")

    def test_link_replaces_no_file_before_or_after_it_was_taken(self, scene, granted):
        image = register(scene)["id"]
        link = make_link(scene, image)
        assert follow(scene, link) == 200
        assert follow(scene, link, OTHER_RAW) == 412
        assert upload(scene, image, b"").status == 200
        assert follow(scene, link, OTHER_RAW) == 412
        assert stored(scene, show(scene, image)["file_path"]) == RAW

    def test_link_without_the_condition_that_was_signed_is_403(self, scene, granted):
        link = make_link(scene, register(scene)["id"])
        headers = {"content-length": str(len(RAW))}
        assert scene.world.object_client.follow(link["url"], RAW, headers)[0] == 403

    def test_two_links_at_once_take_one_file(self, scene, granted):
        image = register(scene)["id"]
        first, second = make_link(scene, image), make_link(scene, image)
        assert [follow(scene, first), follow(scene, second, OTHER_RAW)] == [200, 412]
        assert upload(scene, image, b"").status == 200
        assert stored(scene, show(scene, image)["file_path"]) == RAW

    def test_link_after_a_wrong_file_takes_another_which_is_imported(self, scene, granted):
        image = register(scene)["id"]
        assert follow(scene, make_link(scene, image, QCOW2), QCOW2) == 200
        assert upload(scene, image, b"").status == 400
        assert follow(scene, make_link(scene, image)) == 200
        assert upload(scene, image, b"").status == 200
        assert stored(scene, until(scene, image, "ACTIVE")["file_path"]) == RAW

    def test_body_beside_another_upload_is_409_and_replaces_nothing(self, scene, granted):
        image, put = register(scene)["id"], scene.world.object_client.put_object
        beside = []

        def put_behind_another(**request):
            if not beside:
                beside.append(request["Key"])
                put(**{**request, "Body": OTHER_RAW, "ChecksumSHA256": b64encode(sha256(OTHER_RAW).digest()).decode()})
            return put(**request)

        scene.world.object_client.put_object = put_behind_another
        refused = upload(scene, image)
        assert (refused.status, "meanwhile" in refused.text) == (409, True)
        assert stored(scene, beside[0]) == OTHER_RAW
        assert show(scene, image)["file_path"] is None
        assert upload(scene, image).status == 200
        assert stored(scene, until(scene, image, "ACTIVE")["file_path"]) == RAW

    def test_body_again_after_s3_lost_its_answer_is_imported(self, scene, granted):
        image = register(scene)["id"]
        scene.world.object_client.lose_answer("PutObject")
        assert upload(scene, image).status == 503
        assert show(scene, image)["file_path"] is None
        assert upload(scene, image, VMDK).status == 200
        assert until(scene, image, "ACTIVE")["format"] == "vmdk"

    def test_tenth_file_of_which_none_was_taken_is_the_last(self, scene, granted):
        image = register(scene)["id"]
        for _ in range(10):
            assert follow(scene, make_link(scene, image)) == 200
        refused = ask(scene, "link_image", image, json={"size_bytes": 1})
        assert (refused.status, "10 files" in refused.text) == (409, True)
        assert upload(scene, image, b"").status == 200

    def test_body_above_the_limit_is_413_that_names_the_link(self, scene, granted):
        refused = upload(scene, register(scene)["id"], bytes(4 * 1024 * 1024 + 1))
        assert (refused.status, "upload-link" in refused.text) == (413, True)

    def test_second_file_is_409_until_the_first_has_failed(self, scene, granted):
        scene.world.ec2.bad_files = True
        image = register(scene)["id"]
        upload(scene, image)
        assert upload(scene, image).status == 409
        assert ask(scene, "link_image", image, json={"size_bytes": 1}).status == 409
        assert "raw disk" in until(scene, image, "ERROR")["status_reason"]
        scene.world.ec2.bad_files = False
        assert upload(scene, image, VMDK).status == 200
        assert until(scene, image, "ACTIVE")["format"] == "vmdk"
        assert upload(scene, image).status == 409

    def test_link_beyond_the_quota_of_storage_is_429(self, scene, granted):
        image = register(scene)["id"]
        scene.request("set_quotas", json={"max_storage_gb": 2})
        refused = ask(scene, "link_image", image, json={"size_bytes": 2 * 1024**3 + 1})
        assert (refused.status, refused.json["error"]["code"]) == (429, "QUOTA_EXCEEDED")
        assert ask(scene, "link_image", image, json={"size_bytes": 2 * 1024**3}).status == 200

    def test_file_that_came_more_than_a_day_ago_is_409(self, scene, granted):
        image = register(scene)["id"]
        link = ask(scene, "link_image", image, json={"size_bytes": len(RAW)}).json["data"]
        scene.world.object_client.follow(link["url"], RAW, link["headers"])
        scene.world.clock.advance(86_401)
        refused = upload(scene, image, b"")
        assert (refused.status, "upload it again" in refused.text) == (409, True)
        assert follow(scene, make_link(scene, image)) == 200
        assert upload(scene, image, b"").status == 200

    def test_file_beyond_the_quota_of_storage_is_429(self, scene, granted):
        image = register(scene)["id"]
        scene.request("set_quotas", json={"max_storage_gb": 0})
        refused = upload(scene, image)
        assert (refused.status, refused.json["error"]["code"]) == (429, "QUOTA_EXCEEDED")
        assert show(scene, image)["file_path"] is None

    def test_repeat_with_a_key_is_one_import(self, scene, granted):
        image = register(scene)["id"]
        headers = {"idempotency-key": "one"}
        answers = [upload(scene, image, headers=headers) for _ in range(2)]
        assert [each.status for each in answers] == [200, 200]
        until(scene, image, "ACTIVE")
        assert len(scene.world.ec2.imports) == 1


class TestLaunch:
    def test_instance_is_made_of_the_image_by_id_and_by_name(self, scene, granted):
        image = active(scene)
        for number, name in enumerate((image["id"], "web-base")):
            made = launch(scene, name, name=f"web-{number}")
            assert (made.status, made.json["data"]["image"]) == (202, name)
        scene.world.pass_time(120)
        requests = [each.request for each in scene.world.ec2.machines.values()]
        assert {each["ImageId"] for each in requests} == {image["backend_path"]}
        assert {each["BlockDeviceMappings"][0]["DeviceName"] for each in requests} == {"/dev/xvda"}

    def test_image_that_is_not_active_or_larger_than_the_disk_is_409(self, scene, granted):
        pending = register(scene, name="pending")["id"]
        assert launch(scene, pending).status == 409
        scene.world.ec2.disk_gb = 11
        refused = launch(scene, active(scene)["id"])
        assert (refused.status, "larger type" in refused.text) == (409, True)

    def test_name_of_two_images_is_400_and_an_unknown_id_404(self, scene, granted):
        active(scene)
        active(scene)
        assert "several" in launch(scene, "web-base").text
        assert launch(scene, "01900000-0000-7000-8000-0000000000fe").status == 404
        assert launch(scene, "windows").status == 400

    @pytest.mark.parametrize(("system", "enrols"), [("debian", True), ("Ubuntu", True), ("alpine", False)])
    def test_agent_is_installed_on_systems_that_it_supports(self, scene, granted, system, enrols):
        scene.cluster("north")
        scene.request("give_clusters", json={"clusters": ["north"]})
        made = launch(scene, active(scene, os=system)["id"]).json["data"]
        assert (made["cluster"] == "north") is enrols

    def test_image_stays_until_the_machines_of_it_are_made(self, scene, granted):
        image = active(scene)["id"]
        launch(scene, image)
        assert ask(scene, "delete_image", image).status == 409
        scene.world.pass_time(60)
        assert ask(scene, "delete_image", image).status == 200

    def test_image_that_is_gone_before_the_launch_is_an_error_with_the_reason(self, scene, granted):
        image = active(scene)
        made = launch(scene, image["id"]).json["data"]["id"]
        scene.world.ec2.fail("RunInstances", "InvalidAMIID.NotFound")
        scene.world.pass_time(60)
        shown = scene.request("get_cloud_instance", variables={"instance_id": made}, key=scene.keys[BOB]).json["data"]
        assert (shown["status"], "image is gone" in shown["status_reason"]) == ("ERROR", True)


class TestOtherTenants:
    def test_public_image_is_seen_and_launched_and_not_changed(self, scene, stranger):
        image = active(scene, is_public=True)["id"]
        (listed,) = ask(scene, "list_images", address=EVE).json["data"]
        assert (listed["id"], listed["user_id"], show(scene, image, EVE)["id"]) == (image, None, image)
        assert ask(scene, "delete_image", image, EVE).status == 403
        assert upload(scene, image, address=EVE).status == 403
        assert ask(scene, "link_image", image, EVE, json={"size_bytes": 1}).status == 403
        assert launch(scene, image, EVE).status == 202
        assert show(scene, image)["status"] == "ACTIVE"

    def test_own_images_stand_once_in_the_list_before_those_of_others(self, scene, stranger):
        image = active(scene, is_public=True)["id"]
        assert [each["id"] for each in ask(scene, "list_images").json["data"]] == [image]

    def test_image_that_is_not_public_or_not_active_is_404_by_id_and_name(self, scene, stranger):
        private, pending = active(scene)["id"], register(scene, is_public=True)["id"]
        for image in (private, pending):
            for view in ("get_image", "delete_image"):
                assert ask(scene, view, image, EVE).status == 404
            assert upload(scene, image, address=EVE).status == 404
            assert launch(scene, image, EVE).status == 404
        assert launch(scene, "web-base", EVE).status == 400
        assert ask(scene, "list_images", address=EVE).json["data"] == []


class TestDelete:
    def test_image_goes_with_all_its_parts_and_its_share_returns(self, scene, granted):
        image = active(scene)
        machine = launch(scene, image["id"]).json["data"]["id"]
        scene.world.pass_time(60)
        answer = ask(scene, "delete_image", image["id"])
        assert (answer.status, show(scene, image["id"])["status"]) == (200, "DELETING")
        scene.world.pass_time(120)
        assert ask(scene, "get_image", image["id"]).status == 404
        ec2 = scene.world.ec2
        assert (ec2.amis, ec2.copies, scene.world.object_client.has(IMAGE_FILES, image["file_path"])) == ({}, {}, False)
        assert scene.request("get_quotas").json["data"]["used_storage_gb"] == 0
        instances = scene.request("get_cloud_instance", variables={"instance_id": machine}, key=scene.keys[BOB])
        assert instances.json["data"]["status"] == "RUNNING"

    def test_import_that_is_under_way_is_ended(self, scene, granted):
        scene.world.ec2.import_seconds = 600
        image = register(scene)["id"]
        upload(scene, image)
        scene.world.pass_time(30)
        ask(scene, "delete_image", image)
        scene.world.pass_time(1_200)
        assert ask(scene, "get_image", image).status == 404
        assert (scene.world.ec2.copies, scene.world.ec2.amis) == ({}, {})

    def test_files_that_came_by_links_and_were_not_told_go_too(self, scene, granted):
        image = register(scene)["id"]
        scene.world.settle()
        scene.world.object_client.page_size = 2
        for _ in range(3):
            assert follow(scene, make_link(scene, image)) == 200
        ask(scene, "delete_image", image)
        scene.world.pass_time(120)
        assert ask(scene, "get_image", image).status == 404
        assert scene.world.object_client.buckets[IMAGE_FILES].objects.of_key == {}

    def test_image_without_a_file_goes_at_once(self, scene, granted):
        image = register(scene)["id"]
        ask(scene, "delete_image", image)
        scene.world.pass_time(10)
        assert ask(scene, "get_image", image).status == 404


def test_image_is_in_the_bill_by_the_size_of_its_disk(scene, granted):
    active(scene)
    scene.world.pass_time(3_600, step=60)
    assert ask(scene, "get_bill", address=ADA).json["data"]["usage_by_type"]["image"] > 0
