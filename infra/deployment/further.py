"""The deployment of a further stack on a stage's tables."""

from collections.abc import Mapping
from pathlib import Path

from infra.artifacts import deployed_template
from infra.changes import Kind
from infra.deployables import FURTHER, Deployable
from infra.deployment.account import Account
from infra.deployment.base import Deployment, as_parameters
from infra.deployment.plan import Console
from infra.deployment.stagefile import StageFile
from infra.deployment.urls import Urls, public_url
from infra.further import OWN_SETTINGS, WEBSOCKET_API, followed_options, settings_of, urls_for_agents
from infra.parameters import documented_settings, parameter_name
from infra.stacks import application_stack, further_stack, stateful_stack

_FOLLOWING = frozenset({"PUBLIC_URL", "ADMIN_URLS"})


class FurtherDeployment(Deployment):
    """Deploys a further stack. Its own settings are in ``[further.NAME]``; all others are those of the deployed
    core."""

    def __init__(
        self,
        stage: str,
        file: StageFile,
        account: Account,
        console: Console,
        build: Path,
        name: str,
        deployable: Deployable = FURTHER,
    ) -> None:
        super().__init__(stage, file, account, console, build)
        self.deployable = deployable
        self._name = name
        self._core, self._stack = application_stack(stage), further_stack(stage, name)
        self._own = file.further.get(name, {})

    def check_tables(self) -> None:
        """It has no tables of its own."""

    def run(self) -> None:
        self.settle(stateful_stack(self.stage), self._core, self._stack)
        if not self.stacks.exists(self._core):
            raise ValueError(f"there is no core: make deploy STAGE={self.stage} first")
        exists = self.stacks.exists(self._stack)
        before = self.stacks.parameters(self._stack) if exists else {}
        outputs = self.stacks.outputs(self._stack) if exists else {}
        of_core = self.stacks.parameters(self._core)
        settings = settings_for(self._name, self._own, of_core, before)
        template, archive = self.package(self.build, self.stage, code_only=False, deployable=self.deployable)
        self.check(template, settings, before)
        state = self.stacks.outputs(stateful_stack(self.stage))
        artifacts = self.artifacts(state)
        code = deployed_template(template, artifacts, archive)
        urls = Urls(self._own, before, outputs, lambda url: urls_for_agents(url, of_core))
        sockets = self.stacks.outputs(self._core)["WebsocketAPIId"]
        given = {
            "Stage": self.stage,
            "Name": self._name,
            WEBSOCKET_API: sockets,
            **state,
            **as_parameters(template, settings),
        }
        given |= urls.parameters(outputs)
        change = self.stacks.plan(self._stack, code, given, artifacts)
        self.console.tell(self.heading(self._stack))
        self.show([change], [], self.remarks())
        if change.kind is not Kind.NOTHING:
            self.confirm(change)
            outputs = self.release(self._stack, code, given, urls, artifacts, change)
        self.console.tell([f"API        {public_url(outputs)}"])


def settings_for(
    name: str, own: Mapping[str, str], of_core: Mapping[str, str], before: Mapping[str, str]
) -> dict[str, str]:
    """The settings of a further stack: ``own`` from the file, its others as deployed, and the shared ones from the
    core, even if unset there, with the options that follow the core's. Raises ValueError for an admin name that is the
    core's."""
    kept = {each: before.get(parameter_name(each), "") for each in OWN_SETTINGS - _FOLLOWING}
    shared = dict.fromkeys((each for each in documented_settings() if each not in OWN_SETTINGS), "")
    return {**shared, **own, **followed_options(own, of_core), **settings_of(name, of_core, {**kept, **own})}
