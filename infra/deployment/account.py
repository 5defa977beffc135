"""The AWS account of a deployment: its identity and its quotas."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra import aws

ENOUGH_CONCURRENCY = 1_000
"""The usual quota of concurrent executions in an account. New accounts have 10, which the whole application would share
(AWS documentation, Lambda quotas)."""

CONCURRENCY_QUOTA = "L-B99A9384"
"""Its code in Service Quotas."""


class RefusedError(Exception):
    """The deployment cannot start; the text says what to do."""


@dataclass(frozen=True)
class Account:
    """An account and the caller's identity. ``alias`` is "" if there is none or it cannot be read."""

    session: Any
    id: str
    caller: str
    alias: str

    @property
    def region(self) -> str:
        return str(self.session.region_name)

    def client(self, service: str) -> Any:
        return aws.client(self.session, service)

    def warnings(self) -> list[str]:
        """The prerequisites that the account lacks, a sentence each."""
        try:
            limits = self.client("lambda").get_account_settings()["AccountLimit"]
        except ClientError as error:
            return [f"the account's Lambda quotas cannot be read ({error.response['Error']['Code']})"]
        concurrency = limits["ConcurrentExecutions"]
        if concurrency >= ENOUGH_CONCURRENCY:
            return []
        request = "aws service-quotas request-service-quota-increase --service-code lambda"
        request += f" --quota-code {CONCURRENCY_QUOTA} --desired-value {ENOUGH_CONCURRENCY}"
        shared = f"the account runs {concurrency} copies of functions at once in this region, for everything in it"
        return [f"{shared}: requests and work will be throttled. Ask for more: {request}"]


def connect(account: str, region: str, environment: Mapping[str, str]) -> Account:
    """The account of the shell's credentials, in ``region`` or, by default, the shell's region. ``account`` is the
    expected account id; empty for any.

    Raises `RefusedError` without region or credentials, and for another account.
    """
    try:
        session = aws.session(region, environment)
        if session.get_credentials() is None:
            raise RefusedError("no AWS credentials: log in as the AWS command line asks, or set AWS_PROFILE")
        caller = aws.caller_in(session, account)
    except ValueError as error:
        raise RefusedError(str(error)) from None
    except (BotoCoreError, ClientError) as error:
        raise RefusedError(f"AWS does not know who deploys: {error}") from None
    return Account(session, caller["Account"], caller["Arn"], _alias(session))


def _alias(session: Any) -> str:
    try:
        aliases = aws.client(session, "iam").list_account_aliases()["AccountAliases"]
    except (BotoCoreError, ClientError):
        return ""
    return next(iter(aliases), "")
