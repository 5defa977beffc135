"""A deployment to the emulator: with the stage's real tables, a small application, and a record of all calls."""

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from botocore.config import Config

from infra.agent_bundle import Bundle
from infra.deployables import CORE, FAMILIES_OUTPUT, Deployable
from infra.deployment.account import Account
from infra.deployment.core import CoreDeployment
from infra.deployment.family import FamilyDeployment
from infra.deployment.further import FurtherDeployment
from infra.deployment.plan import Console
from infra.deployment.stagefile import StageFile
from infra.fragment import fragment
from tests.support.aws_clients import REGION, local_client

STAGE = "try"
WAIT = {"Delay": 0, "MaxAttempts": 10_000}

Json = dict[str, Any]


AGENT_VERSION = "0.2.0+b1"


class RecordingSession:
    """A session of the emulator that notes each call: ``(service, operation, parameters)``."""

    region_name = REGION

    def __init__(self, url: str) -> None:
        self._url = url
        self.clients: list[Any] = []
        self.calls: list[tuple[str, str, Json]] = []

    def client(self, service: str, config: Config | None = None) -> Any:
        client = local_client(self._url, service, config)
        client.meta.events.register("provide-client-params.*.*", self._note)
        self.clients.append(client)
        return client

    def close(self) -> None:
        for client in self.clients:
            client.close()

    def called(self, operation: str) -> list[Json]:
        """The parameters of each call of that operation, in order."""
        return [parameters for _, name, parameters in self.calls if name == operation]

    def _note(self, params: Json, model: Any, **_: object) -> None:
        self.calls.append((model.service_model.service_name, model.name, dict(params)))


def small_application(deployable: Deployable) -> Json:
    """A template with the real parameters, of which one queue has some, and outputs as the real one has them."""
    parameters = fragment(deployable)["Parameters"]
    shown = ["PublicUrl", "AdminUrls", "PollSeconds", "CoreName", "PushHost", "VpnMode"]
    tags = [{"Key": name, "Value": {"Ref": name}} for name in shown]
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"Tags": tags}}
    outputs = {
        "EndpointURL": "https://abc.execute-api.us-east-1.amazonaws.com/api/",
        "WebsocketURL": "wss://def.execute-api.us-east-1.amazonaws.com/api",
        "WebsocketAPIId": "def",
        "Release": "v1",
        FAMILIES_OUTPUT: ",".join(deployable.names),
    }
    return {
        "Parameters": parameters,
        "Resources": {"Probe": queue},
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }


class Deployer:
    """Deploys as somebody at a terminal who answers ``answer``, with these variables in the shell."""

    def __init__(self, url: str, folder: Path) -> None:
        self.session = RecordingSession(url)
        self.folder = folder
        self.answer = "y"
        self.asked: list[str] = []
        self.deployable = CORE
        self.template: Callable[[Deployable], Json] = small_application
        self.out = io.StringIO()

    @property
    def printed(self) -> str:
        return self.out.getvalue()

    def core(
        self,
        settings: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        keys: Mapping[str, str] | None = None,
        *,
        is_terminal: bool = True,
    ) -> None:
        file = StageFile(self.folder / f"{STAGE}.toml", settings=settings or {})
        console = self._console(environment or {}, is_terminal=is_terminal)
        deployment = _Core(STAGE, file, self.account(), console, self.folder / "build", keys or {}, self.deployable)
        self._run(deployment)

    def family(self, deployable: Deployable, settings: Mapping[str, str] | None = None) -> None:
        """Another family, on a core that is deployed."""
        name = deployable.family.name
        file = StageFile(self.folder / f"{STAGE}.toml", families={name: settings or {}})
        console = self._console({}, is_terminal=True)
        self._run(_Family(STAGE, file, self.account(), console, self.folder / "build" / name, deployable))

    def further(self, name: str, settings: Mapping[str, str] | None = None) -> None:
        file = StageFile(self.folder / f"{STAGE}.toml", further={name: settings or {}})
        console = self._console({}, is_terminal=True)
        self._run(_Further(STAGE, file, self.account(), console, self.folder / "build", name))

    def client(self, service: str) -> Any:
        return self.session.client(service)

    def stack(self, name: str) -> Json:
        stack: Json = self.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        return stack

    def parameters(self, name: str) -> dict[str, str]:
        return {each["ParameterKey"]: each["ParameterValue"] for each in self.stack(name)["Parameters"]}

    def keys(self) -> Json:
        secret = self.client("secretsmanager").get_secret_value(SecretId=f"edge-admin-{STAGE}-keys")
        keys: Json = json.loads(secret["SecretString"])
        return keys

    def _run(self, deployment: Any) -> None:
        self.session.calls.clear()
        self.out.seek(0)
        self.out.truncate()
        self.asked.clear()
        deployment.package = self._package
        deployment.run()

    def _package(self, _build: Path, _stage: str, *, code_only: bool, deployable: Deployable) -> tuple[Json, Path]:
        assert not code_only
        archive = self.folder / "deployment.zip"
        archive.write_bytes(b"code")
        return self.template(deployable), archive

    def account(self) -> Account:
        return Account(self.session, "000000000000", "arn:aws:iam::000000000000:user/ada", "acme")

    def _console(self, environment: Mapping[str, str], *, is_terminal: bool) -> Console:
        return Console(environment, self.out, lambda: is_terminal, self._ask)

    def _ask(self, question: str) -> str:
        self.asked.append(question)
        return self.answer


class _Core(CoreDeployment):
    wait = WAIT
    agent = staticmethod(lambda _build: [Bundle(AGENT_VERSION, "x86_64", ("3.11",), b"archive")])


class _Further(FurtherDeployment):
    wait = WAIT


class _Family(FamilyDeployment):
    wait = WAIT
