import subprocess
import sys
from pathlib import Path

import pytest

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


def test_a_container_has_one_client_of_a_service(made):
    assert made("dynamodb") is made("dynamodb")
    assert made("sqs") is not made("dynamodb")


def test_clients_wait_and_repeat_for_a_bounded_time(made):
    config = made("dynamodb").meta.config
    assert (config.connect_timeout, config.read_timeout) == (2, 10)
    assert config.retries == {"mode": "standard", "total_max_attempts": 3}
    assert config.max_pool_connections >= 16


def test_a_service_with_an_address_of_its_own(made):
    management = made("apigatewaymanagementapi", "http://127.0.0.1:4566/_aws/execute-api/a/b")
    assert management.meta.endpoint_url == "http://127.0.0.1:4566/_aws/execute-api/a/b"


def test_the_environment_points_everything_at_a_local_cloud(made, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    assert made("sqs").meta.endpoint_url == "http://127.0.0.1:4566"


def test_boto3_is_not_loaded_before_a_client_is_wanted():
    program = "import sys, chalicelib.kit.aws, chalicelib.kit.tables; print('boto3' in sys.modules)"
    root = Path(__file__).parents[3]
    answer = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"
