"""The whole application in a local cloud: emulator, both stacks, front door, machines and clock, started and stopped
as one."""

import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from chalicelib import families
from chalicelib.platform.context import QueueSource, ScheduleSource, StreamSource
from chalicelib.settings import Settings
from infra.artifacts import Artifacts, creation_steps, deployed_template
from infra.deployables import chosen
from infra.functions import APP_NAME, LambdaFunction
from infra.local.emulator import Emulator
from infra.local.families import FamilyStacks
from infra.local.filling_in import expire_rows, set_keys
from infra.local.function_log import lines_of
from infra.local.machine_host import MachineHost
from infra.local.options import STAGE, WAIT, Options
from infra.local.proxy import CONCURRENT_REQUESTS, Proxy
from infra.local.recorder import Call, Recorder
from infra.local.sweeper import Sweeper
from infra.local.transform import CONCURRENCY, local_state, local_template
from infra.package import ROOT, package, write_stateful
from infra.parameters import LOCAL_VARIABLES, SECRET_KEYS, parameter_name
from infra.stacks import Stacks, application_stack, stateful_stack

T = TypeVar("T")

READY_SECONDS = 300.0
_POLL_SECONDS = 0.1


class LocalCloud:
    """Started by ``with``. On exit, also after an exception, everything that it started is ended. A new cloud is empty,
    and a stopped one leaves nothing behind.
    """

    def __init__(self, options: Options, on_step: Callable[[str, float], None] | None = None) -> None:
        """``on_step`` is called with each completed step and the seconds since the start."""
        self._options = options
        self._on_step = on_step
        self.master_key = options.settings.get("MASTER_KEY") or secrets.token_urlsafe(32)
        self._started = time.monotonic()
        self._emulator: Emulator | None = None
        self._machines: MachineHost | None = None
        self._proxy: Proxy | None = None
        self._sweeper: Sweeper | None = None
        self._recorder: Recorder | None = None
        self._core, *others = chosen(options.families)
        self.families = [FamilyStacks(self, each) for each in others]
        """The families beside the core."""
        self._physical_ids: dict[str, str] = {}
        self._state: dict[str, str] = {}
        self.archive: Path
        """The zip of its functions, once there are any."""

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The API's address, without a slash at the end."""
        return _running(self._proxy).url

    @property
    def websocket_url(self) -> str:
        return _running(self._proxy).websocket_url

    @property
    def emulator_url(self) -> str:
        """The base URL of the emulated AWS APIs."""
        return _running(self._emulator).url

    @property
    def folder(self) -> Path:
        """A folder that is removed with the cloud, even if this process is killed."""
        return _running(self._emulator).folder

    @property
    def machines(self) -> MachineHost:
        """The host of the machines of provider `local`."""
        return _running(self._machines)

    @property
    def session(self) -> int:
        """The id of the process session of the cloud and its functions, for measurements."""
        return _running(self._emulator).session

    def client(self, service: str) -> Any:
        """A boto3 client of the local cloud, with all rights."""
        return _running(self._emulator).client(service)

    def function_name(self, name: str) -> str:
        """The deployed name of a function of `infra.functions`."""
        each = next(function for function in self._core.functions if function.name == name)
        return self._physical_ids[each.resource]

    def function_logs(self, name: str) -> Iterator[str]:
        """The lines that a function of the core wrote, oldest first. The emulator keeps none of the WebSocket's
        functions."""
        return lines_of(self.client("logs"), f"/{APP_NAME}/{STAGE}/{name}")

    def function_failures(self) -> list[str]:
        """Lines of level error, and tracebacks, that any function wrote; and schedules whose function failed."""
        groups = {each.name: f"/{APP_NAME}/{STAGE}/{each.name}" for each in self._core.functions}
        every = [groups, *(each.log_groups() for each in self.families)]
        logs = self.client("logs")
        lines = (f"{name}: {line}" for each in every for name, group in each.items() for line in lines_of(logs, group))
        logged = [line for line in lines if '"level":"error"' in line.replace(" ", "") or "Traceback" in line]
        return [*_running(self._sweeper).failures, *logged]

    @property
    def state(self) -> Mapping[str, str]:
        """The outputs of the stateful stack."""
        return self._state

    @property
    def event_bus_name(self) -> str:
        return self._state["EventBusName"]

    @property
    def queue_urls(self) -> dict[str, str]:
        """URL by queue name."""
        return {queue: f"{self._state['QueueUrlPrefix']}{queue}" for queue in self._core.queues}

    @property
    def table_prefix(self) -> str:
        return self._state["TablePrefix"]

    @property
    def calls(self) -> set[Call]:
        """The AWS calls that the functions made so far, for a cloud whose options ask for a record."""
        return set(_running(self._recorder).calls)

    @property
    def refused(self) -> list[tuple[str, str]]:
        """LambdaFunction and error code of each call that was too large for AWS, where `calls` are recorded."""
        return list(_running(self._recorder).refused)

    @property
    def local_variables(self) -> dict[str, str]:
        """The settings that deployments on AWS have not. Functions run in folders of their own, so the one for mails is
        absolute."""
        mails = self._options.settings.get("MAIL_DIR", Settings.model_fields["mail_dir"].default)
        return {"LOCAL_MACHINES_URL": self.machines.url, "MAIL_DIR": str((ROOT / mails).resolve())}

    def sweep(self) -> None:
        """Run every scheduled function once, now, and wait for it."""
        _running(self._sweeper).sweep()

    def attach(self, family: FamilyStacks) -> None:
        """Deploy another family, whose API then answers at `url` too."""
        family.deploy(self._setting_parameters(self.url))
        _running(self._proxy).add(family.rest_api_id, family.paths, family.prefixes, family.too_large)

    @contextmanager
    def outage(self) -> Iterator[None]:
        """End emulator and functions by SIGTERM, and start them again on the state, for a cloud whose options keep it.
        The front door answers 503 meanwhile, and every WebSocket breaks."""
        emulator = _running(self._emulator)
        emulator.end()
        yield
        emulator.start()
        self._wait_until_ready()
        self._warm_up()

    def stop(self) -> None:
        """End everything that was started. Safe to repeat."""
        for part in (self._sweeper, self._machines, self._proxy, self._emulator, self._recorder):
            if part is not None:
                part.stop()

    def _start(self) -> None:
        self._emulator = Emulator(check_roles=self._options.check_roles, keeps_state=self._options.keeps_state)
        self._machines = MachineHost(self._emulator.folder)
        self._proxy = Proxy(self._options.port, self._emulator.url)
        self._emulator.wait_until_ready()
        if self._options.record_calls:
            self._recorder = Recorder(self._emulator.url, [each.name for each in self._core.all_functions])
        self._step("local cloud started")
        self._deploy(self._emulator, self._proxy)
        often, rare = self._scheduled(rare=False), self._scheduled(rare=True) if self._options.sweeps_rarely else []
        self._sweeper = Sweeper(self.client("lambda"), often, rare, self._options.sweep_seconds)
        self._wait_until_ready()
        self._step("API answers")
        self._warm_up()

    def _deploy(self, emulator: Emulator, proxy: Proxy) -> None:
        build = self.folder / "build"
        template, self.archive = package(build, STAGE, code_only=True, deployable=self._core)
        self._step("application packaged")
        stacks = Stacks(emulator.client("cloudformation"), WAIT)
        state: dict[str, str] = {}
        for step in creation_steps(local_state(write_stateful(build, retain=False))):
            there = Artifacts(emulator.client("s3"), state["ArtifactBucket"]) if state else None
            state = stacks.deploy(stateful_stack(STAGE), step, {"Stage": STAGE}, there)
        self._state = state
        expire_rows(emulator.client("dynamodb"), self._core.tables, state["TablePrefix"])
        keys = {name: self._options.settings[name] for name in SECRET_KEYS if name in self._options.settings}
        set_keys(emulator.client("secretsmanager"), state["SecretArn"], {**keys, "MASTER_KEY": self.master_key})
        self._step("tables, queues and keys made")
        artifacts = Artifacts(emulator.client("s3"), state["ArtifactBucket"])
        local = local_template(
            template,
            websocket_url=proxy.websocket_url,
            endpoint_of=self.endpoint_of,
            variables=self.local_variables,
            deployable=self._core,
        )
        local = deployed_template(local, artifacts, self.archive)
        parameters = {"Stage": STAGE, **state, **self._setting_parameters(proxy.url)}
        outputs = stacks.deploy(application_stack(STAGE), local, parameters, artifacts)
        self._physical_ids = stacks.physical_ids(application_stack(STAGE))
        paths = template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["paths"]
        proxy.point_to(outputs["RestAPIId"], outputs["WebsocketAPIId"], paths)
        for each in self.families:
            self.attach(each)
        self._step("functions and APIs deployed")

    def endpoint_of(self, function: str) -> str:
        """The base URL at which functions of that name reach the emulated AWS APIs: where `calls` are recorded, that of
        the recorder."""
        is_recorded = function in {each.name for each in self._core.all_functions}
        return self._recorder.url_of(function) if self._recorder is not None and is_recorded else self.emulator_url

    def _setting_parameters(self, url: str) -> dict[str, str]:
        names = [families.NAMES[0], *(each.deployable.family.name for each in self.families)]
        hosts = {"PUBLIC_URL": url, "FAMILY_URLS": ",".join(f"{name}={url}" for name in names)}
        given = {**hosts, "MACHINE_PROVIDERS": "local", **self._options.settings}
        left_out = {*SECRET_KEYS, *LOCAL_VARIABLES}
        return {parameter_name(name): value for name, value in given.items() if name not in left_out}

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not self._is_ready():
            if time.monotonic() > deadline:
                logged = "\n".join(self.function_logs("api_handler"))[-4000:]
                raise RuntimeError(f"GET /healthz never answered 200\n{logged}")
            time.sleep(_POLL_SECONDS)

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=READY_SECONDS):  # noqa: S310 - our own address
                return True
        except urllib.error.URLError:
            return False

    def _scheduled(self, *, rare: bool) -> list[str]:
        core = [
            self._physical_ids[each.resource]
            for each in self._core.functions
            if isinstance(each.source, ScheduleSource) and each.source.is_rare == rare
        ]
        return [*core, *(name for each in self.families for name in each.schedules(rare=rare))]

    def _warm_up(self) -> None:
        """Start every function at its full concurrency before there is work, where the options say so."""
        if not self._options.warms_up:
            return
        client = self.client("lambda")
        waiting = [each for each in self._core.functions if isinstance(each.source, QueueSource | StreamSource)]

        def start(each: LambdaFunction) -> None:
            client.invoke(FunctionName=self._physical_ids[each.resource], Payload=b'{"Records":[]}')

        with ThreadPoolExecutor(max_workers=CONCURRENCY) as pool:
            list(pool.map(start, (each for each in waiting for _ in range(CONCURRENCY))))
        with ThreadPoolExecutor(max_workers=CONCURRENT_REQUESTS) as pool:
            list(pool.map(lambda _: self._is_ready(), range(CONCURRENT_REQUESTS)))
        self._step("every function has started once")

    def _step(self, text: str) -> None:
        if self._on_step is not None:
            self._on_step(text, time.monotonic() - self._started)


def _running(part: T | None) -> T:
    if part is None:
        raise RuntimeError("the local cloud is not running")
    return part
