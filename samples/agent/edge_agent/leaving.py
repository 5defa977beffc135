import asyncio
from collections.abc import Callable

from edge_agent.backoff import Backoff
from edge_agent.enrollment import REMOVED_OR_BLOCKED
from edge_agent.errors import RefusedError, UnavailableError
from edge_agent.event_log import EventLog
from edge_agent.http_client import HttpClient, ask
from edge_agent.identity import IDENTITY_FILE, Identity, load_identity
from edge_agent.ports.clock import Clock
from edge_agent.state_directory import LOCK_FILE, StateDirectory

LEAVE_FILE = "leave.json"
LOOK_SECONDS = 2.0
OK_STATUS = 200


def request_leave(state: StateDirectory, clock: Clock) -> None:
    """Record that this machine is to leave. It holds until `leave` has succeeded, across crashes and restarts."""
    state.write(LEAVE_FILE, {"requested_at": clock.now().isoformat(timespec="microseconds")})


def leave_is_requested(state: StateDirectory) -> bool:
    try:
        return state.read(LEAVE_FILE) is not None
    except OSError:
        return False


async def watch_for_leave(state: StateDirectory, clock: Clock, requested: asyncio.Event) -> None:
    """Set the event once leaving is requested."""
    while not leave_is_requested(state):
        await clock.sleep(LOOK_SECONDS)
    requested.set()


async def leave(
    state: StateDirectory, client: HttpClient, new_backoff: Callable[[], Backoff], clock: Clock, log: EventLog
) -> None:
    """End this node's membership, then remove the local state. Retried until the server answers; may be repeated.

    A node that an operator has deleted or blocked, or that never enrolled, only loses its state. Raises `RefusedError`
    if the server does not let it go, as with a token that was replaced, whose node would stay; the request to leave is
    withdrawn then. Raises OSError.
    """
    identity = load_identity(state)
    if identity is not None:
        await _delete_node(state, identity, client, new_backoff(), clock, log)
    log.keep_in(None)
    forget(state)
    log.write("agent.left", node_id=None if identity is None else identity.node_id)


async def _delete_node(
    state: StateDirectory, identity: Identity, client: HttpClient, backoff: Backoff, clock: Clock, log: EventLog
) -> None:
    while True:
        try:
            answer = await ask(client, identity.admin_urls, "DELETE", "/agents/nodes/me", token=identity.api_token)
        except UnavailableError as error:
            seconds = backoff.next_seconds(error.retry_after_seconds)
            log.write("leave.waiting", reason=str(error), seconds=round(seconds, 3))
            await clock.sleep(seconds)
            continue
        if answer.status == OK_STATUS or answer.code in REMOVED_OR_BLOCKED:
            return
        state.disk.remove(state.path / LEAVE_FILE)
        raise RefusedError(f"the server did not let this node go: {answer.problem}")


def forget(state: StateDirectory) -> None:
    """Remove everything but the lock. The token goes first and the request to leave last, so that a crash in between
    is followed by the rest."""
    disk, folder = state.disk, state.path
    disk.remove(folder / IDENTITY_FILE)
    disk.sync_folder(folder)
    for name in disk.files(folder):
        if name not in {LOCK_FILE, LEAVE_FILE}:
            disk.remove(folder / name)
    for name in disk.folders(folder):
        disk.remove_folder(folder / name)
    disk.sync_folder(folder)
    disk.remove(folder / LEAVE_FILE)
    disk.sync_folder(folder)
