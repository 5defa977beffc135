from collections.abc import Awaitable, Callable

from edge_agent.diagnostics import Finding, Probe
from edge_agent.errors import describe
from edge_agent.health import HealthChecks
from edge_agent.session import Session

Source = Callable[[], Awaitable[str]]


def state_files(checks: HealthChecks) -> Probe:
    """Whether the files are well in which the agent keeps its state: its folder and its journal."""

    async def probe() -> Finding:
        found = {check.name: check for check in await checks.run()}
        looked_at = [found["state_directory"], found["journal"]]
        is_well = all(check.status == "healthy" for check in looked_at)
        return Finding("pass" if is_well else "fail", None, {check.name: check.message for check in looked_at})

    return probe


def registration(session: Session) -> Probe:
    """Whether the server takes this node for itself."""

    async def probe() -> Finding:
        identity = session.identity
        details = {
            "network_name": identity.network_name,
            "enrolled_at": identity.enrolled_at,
            "servers": ", ".join(identity.admin_urls),
        }
        return Finding("pass" if session.refusal is None else "fail", session.refusal, details)

    return probe


def metrics_sources(sources: dict[str, Source], served_port: int | None) -> Probe:
    """Whether the metrics can be had that the server asks for. `served_port` serves those of the host, None if they
    are only sent."""

    async def probe() -> Finding:
        figures: dict[str, object] = {} if served_port is None else {"served_port": served_port}
        problems = []
        for name, source in sources.items():
            try:
                figures[f"{name}_bytes"] = len((await source()).encode())
            except Exception as error:  # noqa: BLE001 - a source may raise anything on an odd system
                problems.append(f"{name}: {describe(error)}")
        return Finding("fail" if problems else "pass", "; ".join(problems) or None, figures)

    return probe


def ssh_server(is_listening: Callable[[], bool], port: int) -> Probe:
    """Whether the SSH server that was asked for listens."""

    async def probe() -> Finding:
        if is_listening():
            return Finding("pass", None, {"port": port})
        return Finding("fail", "it does not listen", {"port": port})

    return probe
