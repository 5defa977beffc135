import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from edge_agent.agent_api import AgentApi, Verdict
from edge_agent.counters import Counters
from edge_agent.errors import FatalError, UnavailableError
from edge_agent.event_log import EventLog
from edge_agent.ports.clock import Clock

# The server's password hash takes about a second, and the server may start cold.
ANSWER_SECONDS = 20.0
AT_ONCE = 2


@dataclass(frozen=True)
class Login:
    """A login that the server has allowed: `fingerprint` is that of the public key, None for a password. `checked_at`
    is the server's time of it; None if the server does not tell, and then knows no later checks either."""

    username: str
    fingerprint: str | None
    checked_at: str | None


class LoginCheck:
    """Asks the server whether a login is allowed. Answers are not cached.

    Without an answer the login is refused: the server is unreachable, limits the attempts, takes too long, or does not
    know this node any more. The number of concurrent checks is limited, so that a flood of logins does not slow down
    the agent's work.
    """

    def __init__(self, api: AgentApi, counters: Counters, clock: Clock, log: EventLog) -> None:
        self._api = api
        self._counters = counters
        self._clock = clock
        self._log = log
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def admits(
        self,
        connection: int,
        username: str,
        *,
        password: str | None = None,
        public_key: str | None = None,
        fingerprint: str | None = None,
    ) -> Login | None:
        """Check a password, or a public key in OpenSSH's format with its fingerprint. None if it is refused."""
        method = "password" if public_key is None else "publickey"
        verdict, reason = Verdict(verified=False, checked_at=None), None
        try:
            async with self._clock.timeout(ANSWER_SECONDS), self._slots:
                verdict = await self._api.verify_login(username, password=password, public_key=public_key)
        except TimeoutError:
            reason = "no answer in time"
        except (UnavailableError, FatalError) as error:
            reason = str(error)
        admitted = verdict.verified
        result = "accepted" if admitted else "refused"
        self._counters.add("ssh_authentication_total", method=method, result=result)
        # A refused name is not logged: people type passwords into the wrong field.
        named = {"username": username} if admitted else {}
        undecided = {} if reason is None else {"reason": reason}
        self._log.write("ssh.login", connection=connection, method=method, result=result, **named, **undecided)
        return Login(username, fingerprint, verdict.checked_at) if admitted else None

    async def ended(self, logins: Mapping[str, Login]) -> frozenset[str]:
        """The keys of the logins that have to end. Raises `UnavailableError` without an answer."""
        sessions = [
            {"id": key, "username": each.username, "fingerprint": each.fingerprint, "checked_at": each.checked_at}
            for key, each in logins.items()
        ]
        return await self._api.ended_logins(sessions)
