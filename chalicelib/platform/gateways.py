"""The dependencies outside this process: AWS clients, time, randomness, name resolution. Tests pass their own.

Modules that only some functions use are imported on first use, as in `bootstrap`.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from chalicelib.kit import aws
from chalicelib.kit.clock import Clock, SystemClock
from chalicelib.kit.ids import Ids
from chalicelib.kit.log import Log
from chalicelib.kit.tables import Driver, Meter
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.kit.data_keys import KeyService
    from chalicelib.kit.outbound import Exchange, Resolver
    from chalicelib.platform.mail.model import Mailer

LOCAL_SENDER = "edge-admin@localhost.localdomain"
"""The sender of the mails of a local cloud, unless it is given one."""


class Gateways(Protocol):
    """The outside dependencies of the composition root."""

    @property
    def clock(self) -> Clock: ...

    @property
    def ids(self) -> Ids: ...

    @property
    def log(self) -> Log: ...

    @property
    def driver(self) -> Driver: ...

    @property
    def queue_client(self) -> Any: ...

    @property
    def bus_client(self) -> Any: ...

    @property
    def socket_client(self) -> Any: ...

    @property
    def object_client(self) -> Any: ...

    @property
    def machine_client(self) -> Any: ...

    @property
    def metric_client(self) -> Any: ...

    @property
    def key_service(self) -> KeyService: ...

    @property
    def kms_client(self) -> Any: ...

    @property
    def mailer(self) -> Mailer: ...

    @property
    def resolver(self) -> Resolver: ...

    @property
    def exchange(self) -> Exchange: ...

    def read_secret(self, arn: str) -> str: ...


class Aws:
    """AWS, or a local cloud behind AWS_ENDPOINT_URL. A client is made when a function first uses it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.clock: Clock = SystemClock()
        self.ids = Ids()
        self.log = Log(None, self.clock)

    @cached_property
    def resolver(self) -> Resolver:
        from chalicelib.kit.outbound import SystemResolver

        return SystemResolver()

    @cached_property
    def exchange(self) -> Exchange:
        from chalicelib.kit.outbound import HttpExchange

        return HttpExchange()

    @cached_property
    def driver(self) -> Driver:
        from chalicelib.kit.tables.dynamodb import DynamoDriver

        return DynamoDriver(aws.client("dynamodb"), self._settings.table_prefix, Meter())

    @cached_property
    def queue_client(self) -> Any:
        return aws.client("sqs")

    @cached_property
    def bus_client(self) -> Any:
        return aws.client("events")

    @cached_property
    def socket_client(self) -> Any:
        return aws.client("apigatewaymanagementapi", self._settings.websocket_management_url)

    @cached_property
    def object_client(self) -> Any:
        return aws.client("s3")

    @cached_property
    def machine_client(self) -> Any:
        return aws.client("ec2")

    @cached_property
    def metric_client(self) -> Any:
        return aws.client("cloudwatch")

    @cached_property
    def mailer(self) -> Mailer:
        settings = self._settings
        if aws.is_local():
            from chalicelib.platform.mail.files import FileMailer

            return FileMailer(Path(settings.mail_dir), settings.mail_from or LOCAL_SENDER)
        from chalicelib.platform.mail.ses import SesMailer

        return SesMailer(lambda: aws.client("sesv2"), settings.mail_from)

    @cached_property
    def key_service(self) -> KeyService:
        from chalicelib.kit.data_keys import KmsKeyService

        return KmsKeyService(lambda: self.kms_client, self._settings.kms_key_id)

    @cached_property
    def kms_client(self) -> Any:
        return aws.client("kms")

    def read_secret(self, arn: str) -> str:
        return str(aws.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])
