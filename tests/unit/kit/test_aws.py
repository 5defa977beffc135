import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from chalicelib.kit import aws


@pytest.fixture(autouse=True)
def forget_clients():
    aws.client.cache_clear()
    yield
    aws.client.cache_clear()


@pytest.fixture
def made(monkeypatch):
    """`aws.client`, whose clients are closed after the test."""
    clients = []

    def make(*arguments):
        clients.append(aws.client(*arguments))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def test_client_of_a_service_is_made_once_per_container(made):
    assert made("dynamodb") is made("dynamodb")
    assert made("sqs") is not made("dynamodb")


def test_clients_have_bounded_timeouts_and_retries(made):
    config = made("dynamodb").meta.config
    assert (config.connect_timeout, config.read_timeout) == (2, 10)
    assert config.retries == {"mode": "standard", "total_max_attempts": 3}
    assert config.max_pool_connections >= 16


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-1", "things.s3.amazonaws.com"),
        ("eu-central-1", "things.s3.eu-central-1.amazonaws.com"),
        ("ap-southeast-4", "things.s3.ap-southeast-4.amazonaws.com"),
        ("us-gov-west-1", "things.s3.us-gov-west-1.amazonaws.com"),
    ],
)
def test_links_name_the_host_of_their_region(made, monkeypatch, region, host):
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    link = made("s3").generate_presigned_url("get_object", Params={"Bucket": "things", "Key": "a/b"})
    assert link.startswith(f"https://{host}/a/b?X-Amz-Algorithm=AWS4-HMAC-SHA256")


SILENCE = b"<Response><Errors><Error><Code>ServiceUnavailable</Code></Error></Errors></Response>"


def unavailable(request):
    return AWSResponse(request.url, 503, {}, SimpleNamespace(stream=lambda: [SILENCE]))


def test_call_that_makes_things_without_tokens_is_not_repeated_by_the_sdk(made):
    client, sent = made("ec2"), []
    client.meta.events.register("before-send.ec2", lambda request, **_: sent.append(request) or unavailable(request))
    with pytest.raises(ClientError, match="ServiceUnavailable"):
        client.allocate_address(Domain="vpc")
    assert len(sent) == 1


def test_client_of_a_given_address_uses_that_endpoint(made):
    management = made("apigatewaymanagementapi", "http://127.0.0.1:4566/_aws/execute-api/a/b")
    assert management.meta.endpoint_url == "http://127.0.0.1:4566/_aws/execute-api/a/b"


def test_endpoint_variable_of_the_environment_sets_the_client_endpoint(made, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    assert made("sqs").meta.endpoint_url == "http://127.0.0.1:4566"


def test_clients_share_a_session(made):
    one, other = made("dynamodb"), made("sqs")
    # botocore shows neither the connections nor the session of a client in public.
    assert one._endpoint is not other._endpoint  # noqa: SLF001
    assert one._request_signer._credentials is other._request_signer._credentials  # noqa: SLF001


def test_clients_may_be_made_by_several_threads_at_once(made):
    with ThreadPoolExecutor(8) as pool:
        clients = list(pool.map(made, ["kms", "sqs", "events", "dynamodb"] * 4))
    assert {client.meta.service_model.service_name for client in clients} == {"kms", "sqs", "events", "dynamodb"}


@pytest.mark.parametrize(
    ("program", "loaded"),
    [
        ("import chalicelib.kit.aws, chalicelib.kit.tables", []),
        ("from chalicelib.kit.aws import client; client('dynamodb')", ["botocore.session"]),
    ],
)
def test_botocore_is_loaded_with_the_first_client_and_boto3_never(program, loaded):
    code = f"import sys; {program}; print(*(each for each in ('boto3', 'botocore.session') if each in sys.modules))"
    environment = {"AWS_DEFAULT_REGION": "us-east-1"}
    root = Path(__file__).parents[3]
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=root, env=environment, capture_output=True, text=True, check=True
    )
    assert answer.stdout.split() == loaded
