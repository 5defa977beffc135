"""A file that is fetched in parts to a strict S3, from a server as it may be."""

import pytest

from chalicelib.cloud.images.fetching import LONGEST, MOST_TRIES, Fetching
from chalicelib.cloud.images.model import ImageFile
from chalicelib.cloud.images.sources import Sources
from chalicelib.cloud.storage.s3 import S3Objects
from chalicelib.kit.outbound import Answer, Outbound
from chalicelib.platform.provisioning.ports import AgainLaterError, RefusedError
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.file_server import HOST, URL, FileServer
from tests.support.fakes.receivers import FakeReceivers, FakeResolver
from tests.support.fakes.s3 import FakeS3

PART = 5 * 1024 * 1024
CONTENT = bytes(range(256)) * (2 * PART // 256) + b"end"
BUCKET, KEY = "files", "tenant/image/0"
FILE = ImageFile(id="0", size_bytes=len(CONTENT), format="raw")


class Scene:
    def __init__(self):
        self.clock = FakeClock()
        self.s3 = FakeS3(self.clock)
        self.s3.keep(BUCKET)
        exchange = FakeReceivers(self.clock)
        self.server = FileServer(CONTENT)
        exchange.serve(HOST, self.server.answer)
        self.sources = Sources(Outbound(FakeResolver(), exchange, answer_bytes=2 * PART), self.clock)

    def go_on(self, part_bytes=PART):
        Fetching(S3Objects(self.s3), self.sources, self.clock, part_bytes).go_on(BUCKET, KEY, FILE, URL, '"1"')

    def slow(self, seconds):
        self.server.odd = lambda _call: self.clock.sleep(seconds)

    def stored(self):
        return self.s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read()


@pytest.fixture
def scene():
    return Scene()


def test_file_is_whole_after_one_look_at_a_fast_server(scene):
    scene.go_on()
    assert scene.stored() == CONTENT
    assert len(scene.server.asked) == 3


def test_parts_of_another_size_are_fetched_again(scene):
    scene.slow(6)
    with pytest.raises(AgainLaterError):
        scene.go_on(PART + 1024)
    scene.slow(0)
    scene.go_on()
    assert scene.stored() == CONTENT


def test_missing_answer_of_s3_says_whether_anything_can_be_under_way(scene):
    scene.s3.fail("HeadObject", "InternalError", status=503)
    with pytest.raises(AgainLaterError) as later:
        scene.go_on()
    assert (later.value.nothing_done, later.value.nothing_begun) == (True, False)
    scene.s3.fail("ListMultipartUploads", "InternalError", status=503)
    with pytest.raises(AgainLaterError) as later:
        scene.go_on()
    assert later.value.nothing_begun


def test_changed_file_of_a_slow_server_is_known_after_one_part(scene):
    scene.server.headers = {"etag": '"2"'}
    sizes = []

    def slow(call):
        first, last = call.headers["range"].removeprefix("bytes=").split("-")
        sizes.append(int(last) + 1 - int(first))
        scene.clock.sleep(LONGEST.total_seconds() / 2 if sizes[-1] > 1 else 0.1)

    scene.server.odd = slow
    with pytest.raises(RefusedError):
        scene.go_on()
    assert sizes == [PART] + [1] * (MOST_TRIES - 1)


def test_single_odd_answer_ends_nothing(scene):
    told = {"etag": '"other"', "content-range": f"bytes 0-{PART - 1}/{len(CONTENT)}"}
    scene.server.odd = lambda _call: Answer(206, CONTENT[:PART], told) if len(scene.server.asked) == 1 else None
    scene.go_on()
    assert scene.stored() == CONTENT
