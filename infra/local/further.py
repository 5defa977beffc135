"""A further stack beside a local cloud's core: on its tables, with an API and a queue of its own."""

import json
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Self

from chalicelib.platform.context import ScheduleSource
from infra.artifacts import Artifacts, deployed_template
from infra.deployables import FURTHER
from infra.functions import APP_NAME, function
from infra.further import WEBSOCKET_API, check_name, settings_of, urls_for_agents
from infra.local.cloud import LocalCloud
from infra.local.options import STAGE, WAIT
from infra.local.proxy import Proxy
from infra.local.sweeper import call_scheduled
from infra.local.transform import local_template
from infra.package import package
from infra.parameters import parameter_name
from infra.stacks import Stacks, application_stack, further_stack


class FurtherStack:
    """Deployed by ``with``, and deleted on exit. Its heartbeat runs only when `beat` is called."""

    def __init__(self, cloud: LocalCloud, name: str, settings: Mapping[str, str]) -> None:
        """``settings`` are its own ones; the others are the core's. Raises ValueError as `settings_of` does."""
        check_name(name)
        self.name = name
        self._cloud = cloud
        self._stacks = Stacks(cloud.client("cloudformation"), WAIT)
        self._core = application_stack(STAGE)
        of_core = self._stacks.parameters(self._core)
        self._settings = settings_of(name, of_core, settings)
        self._proxy = Proxy(0, cloud.emulator_url)
        self._admin_urls = urls_for_agents(self.url, of_core)
        self._physical_ids: dict[str, str] = {}

    def __enter__(self) -> Self:
        try:
            self._deploy()
        except BaseException:
            self._proxy.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._proxy.stop()
        self._cloud.client("cloudformation").delete_stack(StackName=further_stack(STAGE, self.name))

    @property
    def url(self) -> str:
        """Its API's address, without a slash at the end."""
        return self._proxy.url

    @property
    def admin_name(self) -> str:
        return self._settings["ADMIN_NAME"]

    def beat(self) -> None:
        """Run its schedules once, and wait."""
        names = [each.resource for each in FURTHER.functions if isinstance(each.source, ScheduleSource)]
        call_scheduled(self._cloud.client("lambda"), [self._physical_ids[name] for name in names])

    def function_logs(self, name: str) -> Iterator[str]:
        """The lines that one of its functions wrote, oldest first."""
        pages = self._cloud.client("logs").get_paginator("filter_log_events")
        for page in pages.paginate(logGroupName=f"/{APP_NAME}/{STAGE}/admin-{self.name}/{name}"):
            for event in page["events"]:
                yield from event["message"].splitlines()

    def _deploy(self) -> None:
        build, known = self._cloud.folder / self.name, self._cloud.archive
        template, archive = package(build, STAGE, code_only=True, deployable=FURTHER, archive=known)
        local = local_template(
            template,
            websocket_url=self._cloud.websocket_url,
            endpoint_of=self._cloud.endpoint_of,
            variables=self._cloud.local_variables,
            deployable=FURTHER,
        )
        artifacts = Artifacts(self._cloud.client("s3"), self._cloud.state["ArtifactBucket"])
        application = deployed_template(local, artifacts, archive)
        sockets = self._stacks.outputs(self._core)["WebsocketAPIId"]
        given = {"Stage": STAGE, "Name": self.name, WEBSOCKET_API: sockets, **self._cloud.state}
        settings = {"PUBLIC_URL": self.url, "ADMIN_URLS": self._admin_urls, **self._settings}
        given |= {parameter_name(name): value for name, value in settings.items()}
        stack = further_stack(STAGE, self.name)
        outputs = self._stacks.deploy(stack, application, given, artifacts)
        self._physical_ids = self._stacks.physical_ids(stack)
        self._proxy.point_to(outputs["RestAPIId"], sockets)
        self._cloud.client("lambda").invoke(
            FunctionName=self._physical_ids[function("deliver_commands").resource],
            Payload=json.dumps({"Records": []}).encode(),
        )
