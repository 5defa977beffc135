"""The deployment of another family beside a stage's core: its tables and queues, then its API and functions."""

from collections.abc import Mapping

from infra.deployment.staged import Code, StagedDeployment
from infra.deployment.urls import Urls, public_url
from infra.further import WEBSOCKET_API, followed_options, shared_settings
from infra.parameters import FAMILY_SETTINGS, documented_settings
from infra.stacks import application_stack, stateful_stack


class FamilyDeployment(StagedDeployment):
    """Its options stand in ``[family.NAME]``; in all settings but its own URL, and in whether access is
    logged, it follows the core as that was last deployed."""

    def code(self, before: Mapping[str, str], outputs: Mapping[str, str]) -> Code:
        core = application_stack(self.stage)
        if not self.stacks.exists(core):
            raise ValueError(f"there is no core: make deploy STAGE={self.stage} first")
        own = self.file.families.get(self.deployable.family.name, {})
        of_core = self.stacks.parameters(core)
        shared = dict.fromkeys(documented_settings(), "") | shared_settings(of_core)
        settings = {name: value for name, value in shared.items() if name not in FAMILY_SETTINGS} | dict(own)
        settings |= followed_options(own, of_core)
        template, archive = self.package(self.build, self.stage, code_only=False, deployable=self.deployable)
        self.check(template, settings, before)
        outer = {WEBSOCKET_API: self.stacks.outputs(core)["WebsocketAPIId"]}
        return Code(template, archive, settings, outer, Urls(own, before, outputs))

    def outer_state(self) -> Mapping[str, str]:
        return self.stacks.outputs(stateful_stack(self.stage))

    def done(self, outputs: Mapping[str, str]) -> None:
        self.console.tell([f"API        {public_url(outputs)} ({self.deployable.family.name})"])
