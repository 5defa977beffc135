import asyncio

from edge_agent.agent_api import AgentApi
from edge_agent.counters import Counters
from edge_agent.errors import FatalError, UnavailableError
from edge_agent.event_log import EventLog
from edge_agent.ports.clock import Clock

# The server's password hash takes about a second, and the server may start cold.
ANSWER_SECONDS = 20.0
AT_ONCE = 2


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
        self, connection: int, username: str, *, password: str | None = None, public_key: str | None = None
    ) -> bool:
        """Check a password, or a public key in OpenSSH's format; one of them is given."""
        method = "password" if public_key is None else "publickey"
        admitted, reason = False, None
        try:
            async with self._clock.timeout(ANSWER_SECONDS), self._slots:
                admitted = await self._api.verify_login(username, password=password, public_key=public_key)
        except TimeoutError:
            reason = "no answer in time"
        except (UnavailableError, FatalError) as error:
            reason = str(error)
        result = "accepted" if admitted else "refused"
        self._counters.add("ssh_authentication_total", method=method, result=result)
        # A refused name is not logged: people type passwords into the wrong field.
        named = {"username": username} if admitted else {}
        undecided = {} if reason is None else {"reason": reason}
        self._log.write("ssh.login", connection=connection, method=method, result=result, **named, **undecided)
        return admitted
