"""Whose account a deployment goes to, on the emulator."""

import pytest
from botocore.exceptions import ClientError

from infra.deployment.account import Account, RefusedError, connect

ACCOUNT = "000000000000"


@pytest.fixture
def shell(emulator, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator.url)
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    return {"AWS_REGION": "eu-west-1"}


def test_account_is_that_of_the_credentials_with_its_alias(shell, emulator):
    emulator.client("iam").create_account_alias(AccountAlias="acme")
    account = connect("", "", shell)

    assert (account.id, account.alias, account.region) == (ACCOUNT, "acme", "eu-west-1")
    assert account.caller.startswith(f"arn:aws:iam::{ACCOUNT}:")


def test_region_of_the_stage_file_wins_over_the_shells(shell):
    assert connect(ACCOUNT, "eu-central-1", shell).region == "eu-central-1"


def test_account_other_than_the_stage_files_is_refused(shell):
    with pytest.raises(
        RefusedError, match=f"the credentials are of account {ACCOUNT}, and the stage's file says 1{ACCOUNT[1:]}"
    ):
        connect(f"1{ACCOUNT[1:]}", "", shell)


class Lambda:
    """Tells this quota, or refuses to."""

    region_name = "us-east-1"

    def __init__(self, concurrency):
        self.concurrency = concurrency

    def client(self, service, config):
        assert service == "lambda"
        return self

    def get_account_settings(self):
        if self.concurrency is None:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetAccountSettings")
        return {"AccountLimit": {"ConcurrentExecutions": self.concurrency}}


@pytest.mark.parametrize(
    ("concurrency", "told"),
    [(10, "runs 10 copies of functions at once"), (None, "quotas cannot be read (AccessDeniedException)"), (1000, "")],
)
def test_account_with_low_or_unknown_concurrency_gets_a_warning(concurrency, told):
    warnings = Account(Lambda(concurrency), ACCOUNT, "", "").warnings()

    assert len(warnings) == (1 if told else 0)
    for warning in warnings:
        assert told in warning
    if concurrency == 10:
        assert "--service-code lambda --quota-code L-B99A9384 --desired-value 1000" in warnings[0]
