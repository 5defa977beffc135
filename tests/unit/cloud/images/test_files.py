"""Links for files of images, as the SDK signs them."""

from urllib.parse import parse_qs, urlsplit

from botocore.config import Config
from botocore.session import get_session

from chalicelib.cloud.images.files import ImageFiles


def test_link_is_signed_with_size_checksum_and_the_condition():
    session = get_session()
    session.set_credentials("key", "secret")
    client = session.create_client("s3", region_name="eu-central-1", config=Config(signature_version="s3v4"))
    link = ImageFiles(client).link("files", "tenant/image/1", 5, "00" * 32, 60)
    (signed,) = parse_qs(urlsplit(link).query)["X-Amz-SignedHeaders"]
    assert signed.split(";") == ["content-length", "host", "if-none-match", "x-amz-checksum-sha256"]
