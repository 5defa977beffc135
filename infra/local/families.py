"""Another family beside a local cloud's core: its tables and queues, and its API and functions."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from chalicelib.platform.context import ScheduleSource
from infra.apis import imported, too_large_of
from infra.artifacts import Artifacts, deployed_template
from infra.deployables import Deployable
from infra.functions import APP_NAME
from infra.further import WEBSOCKET_API
from infra.local.options import STAGE, WAIT
from infra.local.proxy import Proxy
from infra.local.transform import local_state, local_template
from infra.package import ROOT, package, write_stateful
from infra.stacks import Stacks, application_stack, stateful_stack

Json = dict[str, Any]


class Cloud(Protocol):
    """The part of the local cloud that is used."""

    @property
    def folder(self) -> Path: ...
    @property
    def url(self) -> str: ...
    @property
    def websocket_url(self) -> str: ...
    @property
    def emulator_url(self) -> str: ...
    @property
    def local_variables(self) -> Mapping[str, str]: ...
    @property
    def state(self) -> Mapping[str, str]: ...
    @property
    def archive(self) -> Path: ...
    def client(self, service: str) -> Any: ...
    def endpoint_of(self, function: str) -> str: ...


class FamilyStacks:
    """Deployed by `deploy`, and gone with the cloud. ``root`` is the folder that is packaged."""

    def __init__(self, cloud: Cloud, deployable: Deployable, root: Path = ROOT) -> None:
        self._cloud = cloud
        self._root = root
        self.deployable = deployable
        self.paths: tuple[str, ...] = ()
        """The paths of its API, as API Gateway has them."""
        self.prefixes = tuple(prefix for api in imported(deployable.family.api) for prefix in api.prefixes)
        """Below these paths its API answers requests that nothing is at."""
        self.too_large = too_large_of(deployable)
        self.rest_api_id = ""
        self._physical_ids: dict[str, str] = {}

    def deploy(self, settings: Mapping[str, str]) -> None:
        """Make its stacks. ``settings`` are the core's, by the names of parameters."""
        build = self._cloud.folder / self.deployable.folder
        known = self._cloud.archive if self._root == ROOT else None
        template, archive = package(
            build, STAGE, code_only=True, deployable=self.deployable, root=self._root, archive=known
        )
        self.paths = tuple(template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["paths"])
        stacks = Stacks(self._cloud.client("cloudformation"), WAIT)
        given = {"Stage": STAGE, **settings, **self._cloud.state}
        artifacts = Artifacts(self._cloud.client("s3"), self._cloud.state["ArtifactBucket"])
        if self.deployable.has_state:
            tables = local_state(write_stateful(build, retain=False, deployable=self.deployable))
            given |= stacks.deploy(stateful_stack(STAGE, self.deployable), tables, given, artifacts)
        local = local_template(
            template,
            websocket_url=self._cloud.websocket_url,
            endpoint_of=self._cloud.endpoint_of,
            variables=self._cloud.local_variables,
            deployable=self.deployable,
        )
        given[WEBSOCKET_API] = stacks.outputs(application_stack(STAGE))["WebsocketAPIId"]
        name = application_stack(STAGE, self.deployable)
        outputs = stacks.deploy(name, deployed_template(local, artifacts, archive), given, artifacts)
        self.rest_api_id = outputs["RestAPIId"]
        self._physical_ids = stacks.physical_ids(name)

    def serve(self, port: int = 0) -> Proxy:
        """Its API on a port of its own (0: a free one), until the proxy is stopped."""
        proxy = Proxy(port, self._cloud.emulator_url)
        proxy.point_to(self.rest_api_id)
        return proxy

    def function_name(self, name: str) -> str:
        """The deployed name of one of its functions."""
        each = next(function for function in self.deployable.functions if function.name == name)
        return self._physical_ids[each.resource]

    def log_groups(self) -> dict[str, str]:
        """The log group of each of its functions, by name."""
        folder = f"/{APP_NAME}/{STAGE}{self.deployable.log_folder}"
        return {each.name: f"{folder}/{each.name}" for each in self.deployable.functions}

    def schedules(self, *, rare: bool) -> list[str]:
        """The deployed names of its scheduled functions."""
        sources = {each.name: each.source for each in self.deployable.functions}
        scheduled = {name: each for name, each in sources.items() if isinstance(each, ScheduleSource)}
        return [self.function_name(name) for name, each in scheduled.items() if each.is_rare == rare]
