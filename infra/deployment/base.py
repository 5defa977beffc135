"""The steps that are common to the deployments of a core and of a further stack."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from infra.artifacts import Artifacts
from infra.changes import Change, Kind
from infra.deployables import Deployable, StackKind
from infra.deployment.account import Account
from infra.deployment.checked import check_environment, check_parameters, check_settings
from infra.deployment.plan import Console, dangers, described
from infra.deployment.stagefile import StageFile
from infra.deployment.urls import Urls
from infra.further import OWN_SETTINGS
from infra.package import package, release
from infra.parameters import (
    FAMILY_SETTINGS,
    SECRET_KEYS,
    check_options,
    documented_settings,
    options_of,
    parameter_name,
)
from infra.stack_events import is_running, refusal
from infra.stacks import WAIT, Stacks
from infra.stateful import ARTIFACTS_OUTPUT

Json = dict[str, Any]


class DeclinedError(Exception):
    """A person said no."""


def settled(stacks: Stacks, console: Console, name: str) -> str:
    """Wait for a running operation on a stack, telling the deployer; returns the stack's status, "" if it does not
    exist. Raises TimeoutError."""
    status = stacks.status(name)
    if is_running(status):
        console.tell([f"{name} is {status}: waiting for that"])
        status = stacks.settle(name)
        failures = stacks.failures(name, status) if status else []
        console.tell([f"{name} is {status or 'gone'}", *(f"  {each}" for each in failures)])
    return status


class Deployment(ABC):
    """One run of `make deploy`."""

    deployable: Deployable
    wait: Mapping[str, int] = WAIT
    package: Callable[..., tuple[Json, Path]] = staticmethod(package)

    def __init__(self, stage: str, file: StageFile, account: Account, console: Console, build: Path) -> None:
        self.stage, self.file, self.account, self.console, self.build = stage, file, account, console, build
        self.stacks = Stacks(account.client("cloudformation"), self.wait)
        self.rolls_back = console.rolls_back

    @abstractmethod
    def check_tables(self) -> None:
        """Raises ValueError if tables cannot change as this deployment would have them. It changes nothing."""

    @abstractmethod
    def run(self) -> None:
        """Plan, confirm and deploy. Raises ValueError for an invalid deployment, `DeclinedError`, and the errors of
        `Stacks`."""

    def artifacts(self, state: Mapping[str, str]) -> Artifacts:
        return Artifacts(self.account.client("s3"), state[ARTIFACTS_OUTPUT])

    def settle(self, *names: str) -> None:
        """Wait for running operations on these stacks. Raises ValueError for a stack that cannot be updated."""
        for name in names:
            if (refused := refusal(name, settled(self.stacks, self.console, name))) is not None:
                raise ValueError(refused)

    def check(self, application: Json, settings: Mapping[str, str], before: Mapping[str, str]) -> None:
        """Check the settings together with those that keep their values. Raises ValueError."""
        check_parameters(application, {name: value for name, value in settings.items() if value})
        kept = {
            name: before.get(parameter_name(name), "")
            for name in (*documented_settings(), *options_of(self.deployable.kind))
        }
        check_settings({**kept, **settings})
        check_options({**kept, **settings})
        check_environment(application, {**before, **as_parameters(application, settings)})

    def heading(self, stack: str) -> list[str]:
        """The lines that name the account, the region, the stage, the release and the families."""
        deployed = self.stacks.outputs(stack).get("Release", "unknown") if self.stacks.exists(stack) else "none"
        named = f"{self.account.id} ({self.account.alias})" if self.account.alias else self.account.id
        file = self.file.shown if self.file.exists else f"no {self.file.shown}: defaults, and what is deployed stays"
        return [
            f"Account  {named}, as {self.account.caller}",
            f"Region   {self.account.region}",
            f"Stage    {self.stage} ({file})",
            f"Release  {release()} (deployed: {deployed})",
            f"Families {', '.join(self.deployable.names)}",
        ]

    def remarks(self) -> list[str]:
        """Warnings to read before confirming."""
        ignored = [
            name
            for name in (*documented_settings(), *options_of(self.deployable.kind), *SECRET_KEYS)
            if self.console.environment.get(name)
        ]
        found = self.account.warnings()
        if ignored:
            where = f"Settings stand in {self.file.shown}, keys in the secret"
            found.append(f"not read from the shell: {', '.join(ignored)}. {where}")
        return found

    def confirm(self, *changes: Change) -> None:
        """Ask for confirmation, and discard the plan if the answer is no. Raises `DeclinedError`."""
        try:
            if self.console.confirms():
                return
        except BaseException:
            self.discard(*changes)
            raise
        self.discard(*changes)
        raise DeclinedError("nothing was changed")

    def discard(self, *changes: Change) -> None:
        for change in changes:
            self.stacks.discard(change)

    def show(self, changes: list[Change], more: list[str], remarks: list[str]) -> None:
        """The plan below its heading."""
        lines = [line for change in changes for line in ("", *described(change))]
        lines += ["", *more] if more else []
        if found := dangers(change for change in changes if change.kind is Kind.UPDATE):
            lines += ["", "Look twice:", *(f"  {each}" for each in found)]
        lines += ["", *(f"Note: {each}" for each in remarks)] if remarks else []
        self.console.tell([*lines, ""])

    def release(
        self, stack: str, application: Json, given: Mapping[str, str], urls: Urls, artifacts: Artifacts, change: Change
    ) -> dict[str, str]:
        """Deploy an application as planned, and a second time if its URL was not known before; returns its outputs.

        The URL depends on the API, the API on the function, and the function's environment on the URL: a cycle for
        CloudFormation. So the first deployment creates the API, and the second sets the URL.
        """
        self.stacks.apply(change)
        outputs = self.stacks.outputs(stack)
        if urls.follow_from(outputs):
            outputs = self.stacks.deploy(stack, application, {**given, **urls.parameters(outputs)}, artifacts)
        self.stacks.protect(stack)
        return outputs


def settable() -> dict[str, frozenset[str]]:
    """The names that the file of a stage may set: for the core (``settings``), further stacks (``further``) and the
    stacks of other families (``family``)."""
    return {
        "settings": frozenset({*documented_settings(), *options_of(StackKind.CORE)}),
        "further": frozenset({*OWN_SETTINGS, *options_of(StackKind.FURTHER)}),
        "family": frozenset({*FAMILY_SETTINGS, *options_of(StackKind.FAMILY)}),
    }


def as_parameters(template: Json, settings: Mapping[str, str]) -> dict[str, str]:
    """Values by the names of parameters; an empty setting gets its default again."""
    found = {}
    for name, value in settings.items():
        parameter = parameter_name(name)
        declared = template["Parameters"].get(parameter, {})
        found[parameter] = value or str(declared.get("Default", ""))
    return found
