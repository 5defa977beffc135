"""The deployment of a stage's core: the stateful stack, its keys, then the application, and last the agent."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.agent_bundle import Bundle
from infra.agent_release import build_release, publish
from infra.deployables import CORE, Deployable, deployables
from infra.deployment import keys
from infra.deployment.account import Account
from infra.deployment.base import as_parameters
from infra.deployment.checked import check_environment
from infra.deployment.plan import Console
from infra.deployment.staged import Code, StagedDeployment
from infra.deployment.stagefile import StageFile
from infra.deployment.urls import Urls, public_url
from infra.fragment import fragment
from infra.stacks import further_stack

Json = dict[str, Any]


class CoreDeployment(StagedDeployment):
    """The platform and its first family."""

    agent: Callable[[Path], Sequence[Bundle]] = staticmethod(build_release)

    def __init__(
        self,
        stage: str,
        file: StageFile,
        account: Account,
        console: Console,
        build: Path,
        given_keys: Mapping[str, str],
        deployable: Deployable = CORE,
    ) -> None:
        super().__init__(stage, file, account, console, build, deployable)
        self._keys = given_keys
        self._bundles: Sequence[Bundle] = ()

    def code(self, before: Mapping[str, str], outputs: Mapping[str, str]) -> Code:
        template, archive = self.package(self.build, self.stage, code_only=False, deployable=self.deployable)
        self._bundles = self.agent(self.build)
        self.check(template, self.file.settings, before)
        self._check_families(template, before)
        return Code(template, archive, self.file.settings, {}, Urls(self.file.settings, before, outputs))

    def _check_families(self, template: Json, before: Mapping[str, str]) -> None:
        """Check that the functions of the stage's other families take the settings too: they follow the core, once it
        is deployed. Raises ValueError."""
        for each in deployables(self.deployable.every)[1:]:
            settings = {**self.file.settings, **self.file.families.get(each.family.name, {})}
            check_environment(fragment(each), {**before, **as_parameters(template, settings)})

    def changed_keys(self, state: Mapping[str, str]) -> list[str]:
        if "SecretArn" not in state:
            return sorted(self._keys)
        return keys.changed_keys(self.account.client("secretsmanager"), state["SecretArn"], self._keys)

    def set_keys(self, state: Mapping[str, str]) -> None:
        secrets = self.account.client("secretsmanager")
        keys.set_keys(secrets, state["SecretArn"], self._keys, datetime.now(UTC))

    def serve(self, state: Mapping[str, str]) -> None:
        """Machines get this version of the agent from now on."""
        version = publish(self.account.client("s3"), state["ArtifactBucket"], self._bundles)
        self.console.tell([f"Agent    {version}"])

    def done(self, outputs: Mapping[str, str]) -> None:
        lines = [f"API        {public_url(outputs)}", f"WebSocket  {outputs['WebsocketURL']}"]
        lines.append(f"Keys       in the secret edge-admin-{self.stage}-keys")
        for stack in self.stacks.names(further_stack(self.stage, "")):
            if self.stacks.outputs(stack).get("Release") != outputs.get("Release"):
                name = stack.removeprefix(further_stack(self.stage, ""))
                lines.append(f"Then       make deploy STAGE={self.stage} ROLE=further NAME={name}")
        self.console.tell(lines)
