from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from edge_agent import __version__
from edge_agent.backoff import Backoff
from edge_agent.counters import Counters
from edge_agent.enrollment_key import EnrollmentKey, KeySource
from edge_agent.errors import FatalError, RefusedError, UnavailableError
from edge_agent.event_log import EventLog
from edge_agent.facts import MachineFacts
from edge_agent.http_client import Answer, HttpClient, ask
from edge_agent.identity import PREVIOUS_TOKENS_KEPT, Identity, Node, registered
from edge_agent.ports.clock import Clock
from edge_agent.secure_urls import keeps_secrets
from edge_agent.times import ServerTime

CREATED = 201
UNAUTHORIZED = 401
UNPROCESSABLE = 422
# An operator has deleted or blocked this node.
NODE_REMOVED = "node_removed"
REMOVED_OR_BLOCKED = frozenset({NODE_REMOVED, "node_blocked"})
# The fields that a refusal names if the bearer token is not the node's. The route also accepts unauthenticated nodes,
# so there is no 401.
PROOF_FIELDS = frozenset({"node_id", "registration_token"})
# A registration token that is refused this long after it was issued may have expired while the server was away.
TOKEN_MAY_BE_STALE_SECONDS = 60.0
# A node that is recovered stays where it is; the name has the form of one all the same.
RECOVERED_NETWORK = "cluster-recovered"
NO_KEY = "there is no enrollment key"


@dataclass(frozen=True)
class ServicePorts:
    """The port numbers of this machine's services, as the server records them."""

    http_port: int
    ssh_port: int
    host_metrics_port: int
    wireguard_metrics_port: int
    http_proxy_port: int
    socks5_proxy_port: int


class Enroller:
    """Enrols this node and re-registers it.

    Every step is idempotent: the server accepts a repeated verification without counting a second use of the key, a
    repeated registration with the same registration token, and a repeated re-registration with the token that it
    replaced. Requests without an answer are therefore retried until there is one. Raises `RefusedError` for a refusal,
    which an operator can remove with another key, more uses of it, or room in the cluster.
    """

    def __init__(
        self,
        *,
        client: HttpClient,
        node: Node,
        ports: ServicePorts,
        self_update_enabled: bool,
        facts: MachineFacts,
        keys: KeySource,
        network_name: str | None,
        backoff: Backoff,
        counters: Counters,
        clock: Clock,
        server_time: ServerTime,
        log: EventLog,
    ) -> None:
        self._client = client
        self._node = node
        self._ports = ports
        self._self_update_enabled = self_update_enabled
        self._facts = facts
        self._keys = keys
        self._network_name = network_name
        self._backoff = backoff
        self._counters = counters
        self._clock = clock
        self._server_time = server_time
        self._log = log

    async def enrol(self) -> Identity:
        """Get a new identity with the enrollment key, or the node's own with its recovery key."""
        key = self._key()
        if key is None:
            raise RefusedError(f"{NO_KEY}, and this machine is not enrolled")
        if key.recovers is not None:
            return await self._recover(key, key.recovers)
        network_name, token = await self._verify(key)
        verified_at = self._clock.monotonic()
        answer = await self._register(key.admin_urls, network_name, registration_token=token)
        age_seconds = self._clock.monotonic() - verified_at
        if answer.status != CREATED and age_seconds > TOKEN_MAY_BE_STALE_SECONDS:
            network_name, token = await self._verify(key)
            answer = await self._register(key.admin_urls, network_name, registration_token=token)
        if answer.status != CREATED:
            raise RefusedError(f"the server refused the registration: {answer.problem}")
        self._log.write("agent.enrolled", node_id=self._node.node_id, network_name=network_name)
        return self._identity(answer, network_name, key.admin_urls, self._now())

    async def _recover(self, key: EnrollmentKey, node_id: str) -> Identity:
        """Become the node again of which this is the recovery key. It stays in its cluster, whatever network is
        named; only a mesh needs its name."""
        if node_id != self._node.node_id:
            raise RefusedError(
                f"the recovery key is of node {node_id}, and this machine is {self._node.node_id}: see --node-id"
            )
        network_name = self._network_name or RECOVERED_NETWORK
        answer = await self._register(key.admin_urls, network_name, recovery_key=key.blob)
        if answer.status != CREATED:
            raise RefusedError(f"the server refused the recovery key: {answer.problem}")
        self._log.write("agent.recovered", node_id=node_id)
        return self._identity(answer, network_name, key.admin_urls, self._now())

    async def renew(self, identity: Identity, shut_out: Callable[[str], None] = lambda _: None) -> Identity:
        """Get a fresh identity with the token of the old one or one before, or with the key if none is accepted any
        more. `shut_out` is called with the server's code if an operator has deleted or blocked the node."""
        renewed = await self._renew(identity, shut_out)
        return replace(renewed, previous_tokens=identity.tokens[:PREVIOUS_TOKENS_KEPT])

    async def _renew(self, identity: Identity, shut_out: Callable[[str], None]) -> Identity:
        for token in identity.tokens:
            answer = await self._register(identity.admin_urls, identity.network_name, bearer=token)
            if not _token_is_refused(answer) or answer.code in REMOVED_OR_BLOCKED:
                break
        if answer.code in REMOVED_OR_BLOCKED:
            shut_out(answer.code)
        if _token_is_refused(answer):
            if self._key() is None:
                raise RefusedError(f"{NO_KEY}, and the server refused this node's token: {answer.problem}")
            self._log.write("agent.token_refused", node_id=self._node.node_id)
            return await self.enrol()
        if answer.status != CREATED:
            raise RefusedError(f"the server refused the re-registration: {answer.problem}")
        self._log.write("agent.reregistered", node_id=self._node.node_id)
        # Early versions did not record this time.
        enrolled_at = identity.enrolled_at or self._now()
        return self._identity(answer, identity.network_name, identity.admin_urls, enrolled_at)

    def _now(self) -> str:
        return self._server_time.now().isoformat(timespec="microseconds")

    async def _verify(self, key: EnrollmentKey) -> tuple[str, str]:
        body = {"key": key.blob, "node_id": self._node.node_id}

        async def ask_once() -> Answer:
            return await ask(self._client, key.admin_urls, "POST", "/agents/enrollment_keys/verify", body=body)

        answer = await self._until_answered(ask_once)
        if answer.status >= 300:  # noqa: PLR2004
            raise RefusedError(f"the server refused to verify the enrollment key: {answer.problem}")
        verdict = answer.fields
        if not verdict.get("verified"):
            raise RefusedError(f"the enrollment key was not accepted: {verdict.get('error')}")
        network_name = verdict.get("network_name") or self._network_name
        if not network_name:
            raise RefusedError("the server named no network for this key: give --network-name")
        if not isinstance(verdict.get("netmaker_key"), str) or not isinstance(network_name, str):
            raise RefusedError("the server's answer to the enrollment key cannot be read")
        return network_name, verdict["netmaker_key"]

    async def _register(
        self,
        admin_urls: tuple[str, ...],
        network_name: str,
        *,
        registration_token: str | None = None,
        bearer: str | None = None,
        recovery_key: str | None = None,
    ) -> Answer:
        body: dict[str, Any] = {
            "node_id": self._node.node_id,
            "network_name": network_name,
            "id_type": self._node.id_type,
            "version": __version__,
            "self_update_enabled": self._self_update_enabled,
            **vars(self._ports),
            **self._facts.registration(),
        }
        if registration_token is not None:
            body["registration_token"] = registration_token
        if recovery_key is not None:
            body["recovery_key"] = recovery_key

        async def ask_once() -> Answer:
            return await ask(self._client, admin_urls, "POST", "/agents/nodes", body=body, token=bearer)

        answer = await self._until_answered(ask_once)
        result = "success" if answer.status == CREATED else "failure"
        self._counters.add("bootstrap_registration_total", result=result)
        return answer

    async def _until_answered(self, ask_once: Callable[[], Awaitable[Answer]]) -> Answer:
        while True:
            try:
                answer = await ask_once()
            except UnavailableError as error:
                delay = self._backoff.next_seconds(error.retry_after_seconds)
                self._log.write("enrollment.waiting", reason=str(error), seconds=round(delay, 3))
                await self._clock.sleep(delay)
            else:
                self._backoff.reset()
                return answer

    def _identity(self, answer: Answer, network_name: str, asked: tuple[str, ...], enrolled_at: str) -> Identity:
        try:
            return registered(
                answer.fields,
                node_id=self._node.node_id,
                network_name=network_name,
                asked=asked,
                enrolled_at=enrolled_at,
                # Nodes that enrolled without TLS before the option existed keep working.
                insecure_http=self._keys.insecure_http or not all(keeps_secrets(url) for url in asked),
                answered=answer.server,
            )
        except ValueError as error:
            raise RefusedError(f"the server's answer to the registration cannot be read: {error}") from error

    def _key(self) -> EnrollmentKey | None:
        try:
            return self._keys.key()
        except FatalError as error:
            raise RefusedError(str(error)) from error


def _token_is_refused(answer: Answer) -> bool:
    """Whether a re-registration was refused for its token: the node was deleted, or has registered elsewhere."""
    if token_is_unknown(answer):
        return True
    return answer.status == UNPROCESSABLE and not PROOF_FIELDS.isdisjoint(answer.problem_fields)


def token_is_unknown(answer: Answer) -> bool:
    """Whether a call was refused because its token belongs to no node, or to one that an operator removed."""
    return answer.status == UNAUTHORIZED or answer.code in REMOVED_OR_BLOCKED
