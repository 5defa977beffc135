"""The deployment of a stateful stack and then of the application on it."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.artifacts import Artifacts, creation_steps, deployed_template
from infra.changes import Change, Kind
from infra.deployables import Deployable
from infra.deployment.account import Account
from infra.deployment.base import Deployment, as_parameters
from infra.deployment.index_status import DeployedIndexes
from infra.deployment.indexes import application, deployed_indexes, missing, refusals, removed_indexes, used_indexes
from infra.deployment.plan import Console
from infra.deployment.stagefile import StageFile
from infra.deployment.tables import table_names, unprotected, with_names
from infra.deployment.urls import Urls
from infra.functions import APP_NAME
from infra.listeners import without_unused_budget
from infra.package import write_stateful
from infra.stacks import application_stack, application_stacks, stateful_stack
from infra.stateful import ARTIFACTS_OUTPUT

Json = dict[str, Any]

NO_TEMPLATE: Json = {"Resources": {}}


@dataclass(frozen=True)
class Tables:
    """A planned stateful template: its first step, and the templates that are deployed after it. New tables are
    protected last."""

    change: Change
    then: list[Json]


@dataclass(frozen=True)
class Code:
    """The packaged application. ``outer`` holds parameters that neither the stateful stack nor a setting gives."""

    template: Json
    archive: Path
    settings: Mapping[str, str]
    outer: Mapping[str, str]
    urls: Urls

    def can_be_planned(self, state: Mapping[str, str]) -> bool:
        """Whether the stateful stack has all outputs that the functions need."""
        required = {name for name, each in self.template["Parameters"].items() if "Default" not in each}
        return required <= {"Stage", *self.outer, *state}


@dataclass(frozen=True)
class Functions:
    """The planned application."""

    code: Json
    given: Mapping[str, str]
    change: Change


class StagedDeployment(Deployment):
    """The tables are deployed first, so that the application's code finds what it needs. An index that it no longer
    needs is removed by a later release. A roll-back deploys the application alone: tables and queues of the newer
    release stay, and so do the rows and messages in them."""

    def __init__(
        self, stage: str, file: StageFile, account: Account, console: Console, build: Path, deployable: Deployable
    ) -> None:
        super().__init__(stage, file, account, console, build)
        self.deployable = deployable
        self.application = application_stack(stage, deployable)
        self.stateful = stateful_stack(stage, deployable) if deployable.has_state else None

    @abstractmethod
    def code(self, before: Mapping[str, str], outputs: Mapping[str, str]) -> Code:
        """Package the application. ``before`` and ``outputs`` are parameters and outputs of the deployed one. Raises
        ValueError for what cannot be deployed."""

    def outer_state(self) -> Mapping[str, str]:
        """The outputs of other stateful stacks that this one needs."""
        return {}

    def changed_keys(self, _state: Mapping[str, str]) -> list[str]:
        """The names of the keys that this deployment sets."""
        return []

    def set_keys(self, _state: Mapping[str, str]) -> None:
        """Set them."""

    def serve(self, _state: Mapping[str, str]) -> None:
        """Hand out what comes with the application, once it is deployed."""

    @abstractmethod
    def done(self, outputs: Mapping[str, str]) -> None:
        """Tell the deployer what there is now."""

    def run(self) -> None:
        self.settle(*filter(None, (self.stateful, self.application)))
        self._settle_indexes()
        before, outputs = self._described()
        code = self.code(before, outputs)
        state = self.state()
        if self.rolls_back:
            self._check_roll_back(code, state)
        tables = None if self.rolls_back else self._tables()
        planned = [tables.change] if tables else []
        try:
            functions = self._functions(code, state) if code.can_be_planned(state) else None
            planned += [functions.change] if functions else []
            changed = self.changed_keys(state)
            self.console.tell(self.heading(self.application))
            self.show(planned, self._told(code, changed, is_planned=functions is not None), self.remarks())
            if functions and not changed and all(change.kind is Kind.NOTHING for change in planned):
                for stack in filter(None, (self.stateful, self.application)):
                    self.stacks.protect(stack)
                self.serve(state)
                self.done(outputs)
                return
        except BaseException:
            self.discard(*planned)
            raise
        self.confirm(*planned)
        try:
            self._apply_tables(tables)
        except BaseException:
            self.discard(*(functions.change for functions in [functions] if functions))
            raise
        new_state = self.state()
        if changed:
            self.set_keys(new_state)
        if functions is None or state != new_state:
            if functions is not None:
                self.discard(functions.change)
            functions = self._functions(code, new_state)
            if functions.change.kind is Kind.UPDATE:
                self.show([functions.change], [], [])
                self.confirm(functions.change)
        artifacts = self.artifacts(new_state)
        deployed = self.release(
            self.application, functions.code, functions.given, code.urls, artifacts, functions.change
        )
        # After the API that it speaks to: a deployment that fails, or is declined half-way, hands out no newer agent.
        self.serve(new_state)
        self.done(deployed)

    def state(self) -> dict[str, str]:
        """The outputs of all stateful stacks that the application needs, as they are deployed."""
        own = self.stateful if self.stateful and self.stacks.exists(self.stateful) else None
        return {**self.outer_state(), **(self.stacks.outputs(own) if own else {})}

    def _tables(self) -> Tables | None:
        """The plan of the stateful stack. Raises ValueError where DynamoDB would refuse it."""
        if self.stateful is None:
            return None
        deployed, wanted = self._deployed_tables(), self._wanted_tables()
        self._refuse(deployed, wanted)
        left = self._left_behind(deployed, wanted) if deployed["Resources"] else set()
        whole = unprotected(wanted, {*deployed["Resources"], *left})
        artifacts = self._artifacts_there()
        first, *then = [whole] if artifacts else creation_steps(whole)
        change = self.stacks.plan(self.stateful, first, self._state_parameters(), artifacts, takes_existing=True)
        return Tables(change, [*then, *([wanted] if wanted != whole else [])])

    def check_tables(self) -> None:
        """Raises ValueError where DynamoDB would refuse the change of the tables. It changes nothing."""
        if self.stateful is not None and not self.rolls_back:
            self.settle(self.stateful)
            self._settle_indexes()
            self._refuse(self._deployed_tables(), self._wanted_tables())

    def _wanted_tables(self) -> Json:
        return with_names(write_stateful(self.build, retain=True, deployable=self.deployable), self.stage)

    def _refuse(self, deployed: Json, wanted: Json) -> None:
        users = application_stacks(self.stacks, self.stage) if removed_indexes(deployed, wanted) else []
        applications = [application(name, self.stacks.template(name)) for name in users]
        if refused := refusals(deployed, wanted, applications):
            raise ValueError("\n".join(["the tables cannot change so:", *(f"  {each}" for each in refused)]))

    def _settle_indexes(self) -> None:
        """Wait until the indexes of the deployed tables can be queried. Raises TimeoutError and ValueError."""
        deployed = deployed_indexes(self._deployed_tables())
        there = {f"{APP_NAME}-{self.stage}-{table}": indexes for table, indexes in deployed.items()}
        DeployedIndexes(self.account.client("dynamodb"), self.wait, self.console.tell).settle(there)

    def _deployed_tables(self) -> Json:
        """The template of the stateful stack; one without resources if it does not exist."""
        there = self.stateful is not None and self.stacks.exists(self.stateful)
        return self.stacks.template(self.stateful) if there and self.stateful else NO_TEMPLATE

    def _left_behind(self, deployed: Json, wanted: Json) -> set[str]:
        """The logical ids of tables that exist and are not in the stack: a release that did not know them took them
        out. CloudFormation takes them in again, with their rows; they stay protected meanwhile."""
        dynamodb = self.account.client("dynamodb")
        new = {name: table for name, table in table_names(wanted).items() if name not in deployed["Resources"]}
        return {name for name, table in new.items() if _table_exists(dynamodb, table)}

    def _check_roll_back(self, code: Code, state: Mapping[str, str]) -> None:
        """Raises ValueError unless the deployed tables have everything that this release uses."""
        if not self.stacks.exists(self.application):
            raise ValueError(f"ROLL_BACK=1: there is no stack {self.application} to roll back")
        lacking = missing(self._deployed_tables(), used_indexes(self.deployable.tables))
        if not lacking and not code.can_be_planned(state):
            lacking = ["a queue, a bucket or a key"]
        if lacking:
            raise ValueError(
                f"ROLL_BACK=1: the deployed tables are of a release that is too new: "
                f"this one needs {', '.join(lacking)}"
            )

    def _apply_tables(self, tables: Tables | None) -> None:
        if tables is None or self.stateful is None:
            return
        self.stacks.apply(tables.change)
        for template in tables.then:
            self.stacks.deploy(self.stateful, template, self._state_parameters(), self._artifacts_there())
        self._settle_indexes()
        self.stacks.protect(self.stateful)

    def _artifacts_there(self) -> Artifacts | None:
        """The artifact bucket; None until the core's stateful stack has made it."""
        state = self.state()
        return self.artifacts(state) if ARTIFACTS_OUTPUT in state else None

    def _state_parameters(self) -> dict[str, str]:
        return {"Stage": self.stage, **self.outer_state()}

    def _functions(self, code: Code, state: Mapping[str, str]) -> Functions:
        """The plan of the application."""
        artifacts = self.artifacts(state)
        given = {"Stage": self.stage, **code.outer, **state, **as_parameters(code.template, code.settings)}
        kept, _ = self._described()
        template = without_unused_budget(deployed_template(code.template, artifacts, code.archive), kept | given)
        given |= code.urls.parameters(code.urls.outputs)
        return Functions(template, given, self.stacks.plan(self.application, template, given, artifacts))

    def _described(self) -> tuple[dict[str, str], dict[str, str]]:
        """Parameters and outputs of the application as it is deployed."""
        if not self.stacks.exists(self.application):
            return {}, {}
        return self.stacks.parameters(self.application), self.stacks.outputs(self.application)

    def _told(self, code: Code, changed: list[str], *, is_planned: bool) -> list[str]:
        lines = [f"Keys     {', '.join(changed)}: set (values are not shown)"] if changed else []
        lines += ["Tables   stay as they are: ROLL_BACK=1"] if self.rolls_back else []
        if is_planned:
            return lines
        if self.stacks.exists(self.application):
            return [*lines, f"Stack {self.application}: planned, and asked for, once the tables are as it needs them"]
        chosen = [f'    {name}: "{value}"' for name, value in sorted(code.urls.settings.items())]
        return [*lines, f"Stack {self.application}: is created", *chosen]


def _table_exists(dynamodb: Any, name: str) -> bool:
    try:
        dynamodb.describe_table(TableName=name)
    except dynamodb.exceptions.ResourceNotFoundException:
        return False
    return True
