import asyncio

from edge_agent.agent_api import AgentApi
from edge_agent.counters import Counters
from edge_agent.errors import FatalError, UnavailableError
from edge_agent.event_log import EventLog

# The server hashes a password on purpose for about a second, and may start cold.
ANSWER_SECONDS = 20.0
AT_ONCE = 2


class LoginCheck:
    """Whether somebody may log in: the server decides, every time, and nothing is remembered.

    No decision is a refusal: the server is not reached, limits the attempts, takes too long, or does not know this node
    any more. Only some attempts are asked about at a time, so that a flood of them leaves room for the agent's work.
    """

    def __init__(self, api: AgentApi, counters: Counters, log: EventLog) -> None:
        self._api = api
        self._counters = counters
        self._log = log
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def admits(
        self, connection: int, username: str, *, password: str | None = None, public_key: str | None = None
    ) -> bool:
        """Either a password or a public key in OpenSSH's form."""
        method = "password" if public_key is None else "publickey"
        admitted, reason = False, None
        try:
            async with asyncio.timeout(ANSWER_SECONDS), self._turns:
                admitted = await self._api.verify_login(username, password=password, public_key=public_key)
        except TimeoutError:
            reason = "no answer in time"
        # A node that is not known any more ends the agent too, but not from here: its next call for work does.
        except (UnavailableError, FatalError) as error:
            reason = str(error)
        result = "accepted" if admitted else "refused"
        self._counters.add("ssh_authentication_total", method=method, result=result)
        # A refused name is not logged: people type passwords where the name belongs.
        named = {"username": username} if admitted else {}
        undecided = {} if reason is None else {"reason": reason}
        self._log.write("ssh.login", connection=connection, method=method, result=result, **named, **undecided)
        return admitted
