"""Clients of the emulator and the local cloud, made by localstack-client."""

from typing import Any
from urllib.parse import urlsplit

from botocore.config import Config
from localstack_client.session import Session

REGION = "us-east-1"

_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 3}, read_timeout=60)


def local_client(url: str, service: str, config: Config | None = None, token: str | None = None, **keys: str) -> Any:
    """A client of a service at ``url``, with the account's root credentials.

    ``keys`` (``aws_access_key_id``, ``aws_secret_access_key``) and ``token`` make it a client of a role instead.
    Raises ValueError if localstack-client would use another address, which AWS_ENDPOINT_URL makes it do.
    """
    credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test", **keys}
    session = Session(localstack_host=urlsplit(url).netloc, region_name=REGION, **credentials)
    client = session.client(service, config=config or _CONFIG, aws_session_token=token)
    if client.meta.endpoint_url != url:
        raise ValueError(f"the client is of {client.meta.endpoint_url}, not of {url}: unset AWS_ENDPOINT_URL")
    return client
