"""Images whose file is fetched from an address: looked at before, fetched in parts, imported, removed."""

import pytest

from chalicelib.cloud.images.rules import IMPORTS_PER_MINUTE, MOST_FETCHED
from chalicelib.cloud.images.sources import READ_BYTES
from chalicelib.kit.outbound import Answer, NoAnswerError, Reason
from tests.support.cloud import ADA, EVE, CloudScene
from tests.support.cloud_images import ask, show, until
from tests.support.disks import QCOW2, RAW
from tests.support.fakes.file_server import HOST, URL
from tests.support.instances import InstanceWorld
from tests.support.world import IMAGE_FILES

BODY = {"name": "web-base", "os": "ubuntu", "version": "24.04", "url": URL}
THREE_PARTS = RAW + bytes(2 * READ_BYTES)


@pytest.fixture
def scene():
    return CloudScene(InstanceWorld())


@pytest.fixture
def server(scene, team):
    """The file is there, for a tenant that may have it."""
    scene.request("set_quotas", json={"max_storage_gb": 9})
    return scene.world.file_server


def fetch(scene, **values):
    return ask(scene, "import_image", json={**BODY, **values})


def fetched(scene, **values):
    answer = fetch(scene, **values)
    assert answer.status == 202, answer.text
    return answer.json["data"]["id"]


def refusal(scene, **values):
    """The text of a 400, after which nothing is there."""
    refused = fetch(scene, **values)
    assert (refused.status, ask(scene, "list_images").json["data"]) == (400, [])
    return refused.text


class TestImport:
    def test_image_is_pending_with_its_size_and_then_active(self, scene, server):
        answer = fetch(scene, is_public=True)
        shown = answer.json["data"]
        assert (answer.status, shown["status"], shown["size_gb"], shown["format"]) == (202, "PENDING", 1, "raw")
        assert (shown["source_url"], shown["is_public"]) == (URL, True)
        shown = until(scene, shown["id"], "ACTIVE")
        (task,) = scene.world.ec2.imports.values()
        source = {"S3Bucket": IMAGE_FILES, "S3Key": shown["file_path"]}
        assert task.request["DiskContainer"] == {"Format": "RAW", "UserBucket": source}
        stored = scene.world.object_client.get_object(Bucket=IMAGE_FILES, Key=shown["file_path"])
        assert stored["Body"].read() == RAW

    def test_large_file_comes_in_parts_of_which_none_is_asked_for_twice(self, scene, server):
        server.content = THREE_PARTS
        shown = until(scene, fetched(scene), "ACTIVE")
        stored = scene.world.object_client.get_object(Bucket=IMAGE_FILES, Key=shown["file_path"])
        assert stored["Body"].read() == THREE_PARTS
        assert len(server.asked) == len(set(server.asked)) == 2 + 3

    def test_slow_file_comes_over_many_looks_and_tells_how_far_it_is(self, scene, server):
        server.content = THREE_PARTS
        image = fetched(scene)
        server.odd = lambda _call: scene.world.clock.sleep(7)
        scene.world.pass_time(5)
        assert "(8 of 17 MiB)" in show(scene, image)["status_reason"]
        until(scene, image, "ACTIVE")
        assert len(server.asked) == len(set(server.asked)) == 2 + 3

    def test_server_that_is_away_for_a_while_is_asked_again(self, scene, server):
        image = fetched(scene)
        server.odd = lambda _call: Answer(503)
        scene.world.pass_time(300)
        assert "answers 503" in show(scene, image)["status_reason"]
        server.odd = lambda _call: None
        until(scene, image, "ACTIVE")

    def test_fetch_goes_on_at_each_look_though_one_look_was_lost(self, scene, server):
        server.content = THREE_PARTS
        server.odd = lambda _call: scene.world.clock.sleep(7)
        image = fetched(scene)
        scene.world.ec2.fail("DescribeImages", "InternalError", status=500)
        scene.world.ec2.lose_answer("DescribeSnapshots")
        scene.world.pass_time(60)
        assert len(server.asked) == 2 + 3
        until(scene, image, "ACTIVE")

    def test_part_of_a_server_that_marks_the_file_otherwise_is_asked_for_again(self, scene, server):
        image = fetched(scene)
        told = {"etag": '"other"', "content-range": f"bytes 0-{len(RAW) - 1}/{len(RAW)}"}
        server.odd = lambda _call: Answer(206, RAW, told) if len(server.asked) < 4 else None
        until(scene, image, "ACTIVE")
        assert len(server.asked) == 5

    def test_query_of_the_address_is_sent_and_never_shown(self, scene, server):
        answer = fetch(scene, url=f"{URL}?X-Amz-Signature=hidden")
        image = answer.json["data"]["id"]
        shown = until(scene, image, "ACTIVE")
        assert shown["source_url"] == URL
        log = scene.request("list_audit", key=scene.keys[ADA]).text
        assert "hidden" not in answer.text + str(shown) + log + "".join(scene.world.lines.texts)

    def test_repeat_with_a_key_is_one_image(self, scene, server):
        headers = {"idempotency-key": "one"}
        answers = [ask(scene, "import_image", json=BODY, headers=headers) for _ in range(2)]
        assert answers[0].json["data"]["id"] == answers[1].json["data"]["id"]
        assert len(ask(scene, "list_images").json["data"]) == 1


class TestRefused:
    def test_file_of_another_format_is_400_with_the_remedy(self, scene, server):
        server.content = QCOW2
        assert "qemu-img convert" in refusal(scene).lower()

    @pytest.mark.parametrize("status", [200, 403, 404, 500])
    def test_server_that_sends_no_part_is_400_with_the_reason(self, scene, server, status):
        server.odd = lambda _call: Answer(status)
        assert "its server" in refusal(scene)

    def test_server_that_does_not_answer_is_400(self, scene, server):
        def silent(_call):
            raise NoAnswerError(Reason.TIMEOUT)

        server.odd = silent
        assert "too slow" in refusal(scene)

    @pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "10.0.0.1"])
    def test_private_address_is_400_before_anything_is_sent(self, scene, server, address):
        scene.world.resolver.set(HOST, [address])
        assert "denied range" in refusal(scene)
        assert server.asked == []

    @pytest.mark.parametrize("url", ["ftp://images.example/a", "images.example", "https://a:b@images.example/a"])
    def test_text_that_is_no_address_is_400(self, scene, server, url):
        assert "URL" in refusal(scene, url=url)

    def test_file_above_five_gib_is_400(self, scene, server):
        told = {"etag": "1", "content-range": f"bytes 0-65535/{5 * 1024**3 + 1}"}
        ends = {"etag": "1", "content-range": f"bytes {5 * 1024**3 - 511}-{5 * 1024**3}/{5 * 1024**3 + 1}"}
        server.odd = lambda _call: (
            Answer(206, bytes(65_536), told) if len(server.asked) == 1 else Answer(206, bytes(512), ends)
        )
        assert "5368709121 bytes" in refusal(scene)

    def test_name_of_the_installation_is_400_without_a_look(self, scene, server):
        assert (fetch(scene, name="ubuntu-24.04").status, server.asked) == (400, [])

    def test_file_beyond_the_quota_of_storage_is_429_and_makes_no_image(self, scene, server):
        scene.request("set_quotas", json={"max_storage_gb": 0})
        refused = fetch(scene)
        assert (refused.status, refused.json["error"]["code"]) == (429, "QUOTA_EXCEEDED")
        assert ask(scene, "list_images").json["data"] == []

    def test_more_than_a_few_at_a_time_are_409_until_one_has_come(self, scene, server):
        images = [fetched(scene, name=f"base-{number}") for number in range(MOST_FETCHED)]
        assert (fetch(scene).status, len(server.asked)) == (409, 2 * MOST_FETCHED)
        until(scene, images[0], "ACTIVE")
        assert fetch(scene).status == 202

    def test_import_after_a_look_during_which_others_came_is_409(self, scene, server):
        others = [f"other-{number}" for number in range(MOST_FETCHED)]

        def meanwhile(_call):
            while others:
                fetched(scene, name=others.pop())

        server.odd = meanwhile
        assert fetch(scene).status == 409
        assert len(ask(scene, "list_images").json["data"]) == MOST_FETCHED

    def test_more_looks_in_a_minute_are_429(self, scene, server):
        server.odd = lambda _call: Answer(404)
        assert [fetch(scene).status for _ in range(IMPORTS_PER_MINUTE + 1)] == [400] * IMPORTS_PER_MINUTE + [429]
        assert len(server.asked) == IMPORTS_PER_MINUTE


class TestFailed:
    def test_file_that_changes_while_it_is_fetched_is_an_error(self, scene, server):
        image = fetched(scene)
        server.headers = {"etag": '"2"'}
        assert "has changed" in until(scene, image, "ERROR")["status_reason"]
        assert scene.world.ec2.imports == {}

    def test_upload_takes_the_place_of_a_file_that_did_not_come(self, scene, server):
        image = fetched(scene)
        server.headers = {"etag": '"2"'}
        until(scene, image, "ERROR")
        assert ask(scene, "upload_image", image, body=RAW).status == 200
        shown = until(scene, image, "ACTIVE")
        (row,) = (each for each in scene.world.rows() if each.id == image)
        assert (shown["source_url"], row.hidden) == (None, None)

    def test_server_that_stays_away_for_a_day_is_an_error(self, scene, server):
        image = fetched(scene)
        server.odd = lambda _call: Answer(503)
        scene.world.pass_time(25 * 3_600, step=600)
        assert "503" in until(scene, image, "ERROR")["status_reason"]

    @pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254"])
    def test_name_that_turns_private_later_is_an_error(self, scene, server, address):
        image = fetched(scene)
        asked = len(server.asked)
        scene.world.resolver.set(HOST, [address])
        assert "denied range" in until(scene, image, "ERROR")["status_reason"]
        assert len(server.asked) == asked


class TestDelete:
    def test_image_goes_with_the_file_whose_place_another_has_taken(self, scene, server):
        scene.world.ec2.bad_files = True
        image = fetched(scene)
        until(scene, image, "ERROR")
        scene.world.ec2.bad_files = False
        ask(scene, "upload_image", image, body=RAW)
        until(scene, image, "ACTIVE")
        ask(scene, "delete_image", image)
        scene.world.pass_time(300)
        assert scene.world.object_client.buckets[IMAGE_FILES].objects.of_key == {}

    @pytest.mark.parametrize("looks", [0, 1, 2])
    def test_deletion_while_it_is_fetched_leaves_nothing_at_s3(self, scene, server, looks):
        server.content = THREE_PARTS
        image = fetched(scene)
        server.odd = lambda _call: scene.world.clock.sleep(7)
        scene.world.pass_time(5 * looks)
        ask(scene, "delete_image", image)
        scene.world.pass_time(300)
        bucket = scene.world.object_client.buckets[IMAGE_FILES]
        assert (bucket.objects.of_key, bucket.uploads.of_id) == ({}, {})
        assert ask(scene, "get_image", image).status == 404
        assert scene.request("get_quotas").json["data"]["used_storage_gb"] == 0


def test_address_of_a_public_image_is_hidden_from_other_tenants(scene, server):
    image = fetched(scene, is_public=True)
    until(scene, image, "ACTIVE")
    scene.join(scene.tenant("other"), EVE, "owner")
    assert show(scene, image, EVE)["source_url"] is None
