"""The deployment of a stage's core: the stateful stack, its keys, then the application."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.agent_bundle import Bundle
from infra.agent_release import build_release, publish
from infra.artifacts import deployed_template
from infra.changes import Change, Kind
from infra.deployables import CORE, Deployable
from infra.deployment import keys
from infra.deployment.account import Account
from infra.deployment.base import Deployment, as_parameters
from infra.deployment.indexes import application, refusals, removed_indexes
from infra.deployment.plan import Console
from infra.deployment.stagefile import StageFile
from infra.deployment.tables import unprotected
from infra.deployment.urls import Urls, public_url
from infra.package import write_stateful
from infra.stacks import application_stack, further_stack, stateful_stack

Json = dict[str, Any]


NO_TEMPLATE: Json = {"Resources": {}}


@dataclass(frozen=True)
class _Tables:
    """A planned stateful template. ``first`` is deployed before ``wanted``: new tables are protected last."""

    wanted: Json
    first: Json
    deployed: Json | None
    change: Change


@dataclass(frozen=True)
class _Code:
    template: Json
    archive: Path
    urls: Urls

    def can_be_planned(self, state: Mapping[str, str]) -> bool:
        """Whether the stateful stack has all outputs that the functions need."""
        required = {name for name, each in self.template["Parameters"].items() if "Default" not in each}
        return bool(state) and required <= {"Stage", *state}


@dataclass(frozen=True)
class _Functions:
    code: Json
    given: Mapping[str, str]
    change: Change


class CoreDeployment(Deployment):
    """The tables are deployed first, so that the application's code finds what it needs. An index that it no longer
    needs is removed by a later release."""

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
        super().__init__(stage, file, account, console, build)
        self.deployable = deployable
        self._keys = given_keys
        self._state, self._application = stateful_stack(stage), application_stack(stage)

    def run(self) -> None:
        self.settle(self._state, self._application)
        before, outputs = self._described()
        template, archive = self.package(self.build, self.stage, code_only=False, deployable=self.deployable)
        bundles = self.agent(self.build)
        self.check(template, self.file.settings, before)
        code = _Code(template, archive, Urls(self.file.settings, before, outputs))
        tables = self._tables()
        state = self.stacks.outputs(self._state) if tables.deployed else {}
        planned = [tables.change]
        try:
            functions = self._functions(code, state) if code.can_be_planned(state) else None
            planned += [functions.change] if functions else []
            changed = self._changed_keys(state)
            self.console.tell(self.heading(self._application))
            self.show(planned, self._told(changed, is_planned=functions is not None), self.remarks())
            if functions and not changed and all(change.kind is Kind.NOTHING for change in planned):
                self.stacks.protect(self._state)
                self.stacks.protect(self._application)
                self._serve(bundles, state)
                self._done(outputs)
                return
        except BaseException:
            self.discard(*planned)
            raise
        self.confirm(*planned)
        try:
            self._apply_tables(tables)
        except BaseException:
            self.discard(*planned[1:])
            raise
        new_state = self.stacks.outputs(self._state)
        if changed:
            secrets = self.account.client("secretsmanager")
            keys.set_keys(secrets, new_state["SecretArn"], self._keys, datetime.now(UTC))
        if functions is None or state != new_state:
            if functions is not None:
                self.discard(functions.change)
            functions = self._functions(code, new_state)
            if functions.change.kind is Kind.UPDATE:
                self.show([functions.change], [], [])
                self.confirm(functions.change)
        artifacts = self.artifacts(new_state)
        deployed = self.release(
            self._application, functions.code, functions.given, code.urls, artifacts, functions.change
        )
        # After the API that the agent uses: a deployment that fails, or is declined half-way, releases no new agent.
        self._serve(bundles, new_state)
        self._done(deployed)

    def _serve(self, bundles: Sequence[Bundle], state: Mapping[str, str]) -> None:
        """Make this version of the agent the current one for machines."""
        version = publish(self.account.client("s3"), state["ArtifactBucket"], bundles)
        self.console.tell([f"Agent    {version}"])

    def _tables(self) -> "_Tables":
        """The plan of the stateful stack. Raises ValueError if DynamoDB would refuse it."""
        wanted = write_stateful(self.build, retain=True, deployable=self.deployable)
        deployed = self.stacks.template(self._state) if self.stacks.exists(self._state) else None
        users = self._applications() if removed_indexes(deployed or NO_TEMPLATE, wanted) else []
        applications = [application(name, self.stacks.template(name)) for name in users]
        if refused := refusals(deployed or NO_TEMPLATE, wanted, applications):
            raise ValueError("\n".join(["the tables cannot change so:", *(f"  {each}" for each in refused)]))
        first = unprotected(wanted, deployed or NO_TEMPLATE)
        return _Tables(wanted, first, deployed, self.stacks.plan(self._state, first, {"Stage": self.stage}))

    def _apply_tables(self, tables: "_Tables") -> None:
        self.stacks.apply(tables.change)
        if tables.first != tables.wanted:
            self.stacks.deploy(self._state, tables.wanted, {"Stage": self.stage})
        self.stacks.protect(self._state)

    def _functions(self, code: "_Code", state: Mapping[str, str]) -> "_Functions":
        """The plan of the application."""
        artifacts = self.artifacts(state)
        template = deployed_template(code.template, artifacts, code.archive)
        given = {"Stage": self.stage, **state, **as_parameters(template, self.file.settings)}
        given |= code.urls.parameters(code.urls.outputs)
        return _Functions(template, given, self.stacks.plan(self._application, template, given, artifacts))

    def _described(self) -> tuple[dict[str, str], dict[str, str]]:
        """The parameters and outputs of the deployed application."""
        if not self.stacks.exists(self._application):
            return {}, {}
        return self.stacks.parameters(self._application), self.stacks.outputs(self._application)

    def _applications(self) -> list[str]:
        """Every stack whose functions read the stage's tables."""
        core = [self._application] if self.stacks.exists(self._application) else []
        return [*core, *self.stacks.names(further_stack(self.stage, ""))]

    def _changed_keys(self, state: Mapping[str, str]) -> list[str]:
        if "SecretArn" not in state:
            return sorted(self._keys)
        return keys.changed_keys(self.account.client("secretsmanager"), state["SecretArn"], self._keys)

    def _told(self, changed: list[str], *, is_planned: bool) -> list[str]:
        lines = [f"Keys     {', '.join(changed)}: set (values are not shown)"] if changed else []
        if is_planned:
            return lines
        if self.stacks.exists(self._application):
            return [*lines, f"Stack {self._application}: planned, and asked for, once the tables are as it needs them"]
        chosen = [f'    {name}: "{value}"' for name, value in sorted(self.file.settings.items())]
        return [*lines, f"Stack {self._application}: is created", *chosen]

    def _done(self, outputs: Mapping[str, str]) -> None:
        lines = [f"API        {public_url(outputs)}", f"WebSocket  {outputs['WebsocketURL']}"]
        lines.append(f"Keys       in the secret edge-admin-{self.stage}-keys")
        for stack in self.stacks.names(further_stack(self.stage, "")):
            if self.stacks.outputs(stack).get("Release") != outputs.get("Release"):
                name = stack.removeprefix(further_stack(self.stage, ""))
                lines.append(f"Then       make deploy STAGE={self.stage} ROLE=further NAME={name}")
        self.console.tell(lines)
