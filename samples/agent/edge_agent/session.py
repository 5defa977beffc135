import asyncio
from collections.abc import Callable
from typing import Any

from edge_agent.durable import StateDirectory
from edge_agent.enrollment import UNAUTHORIZED, Enroller
from edge_agent.errors import UnavailableError
from edge_agent.http_client import Answer, HttpClient, ask
from edge_agent.identity import Identity, save_identity


class Session:
    """Calls in the node's name, with a token that is renewed when the server refuses it.

    Renewals are one at a time; whoever waits for one goes on with its result. A new identity is on disk before it is
    used.
    """

    def __init__(self, client: HttpClient, enroller: Enroller, state: StateDirectory, identity: Identity) -> None:
        self._client = client
        self._enroller = enroller
        self._state = state
        self._renewal = asyncio.Lock()
        self._when_renewed: list[Callable[[], None]] = []
        self._when_enrolled_anew: list[Callable[[], None]] = []
        self.identity = identity

    def when_renewed(self, call: Callable[[], None]) -> None:
        """Call this after every renewal: what the server told may have changed."""
        self._when_renewed.append(call)

    def when_enrolled_anew(self, call: Callable[[], None]) -> None:
        """Call this whenever a renewal had to be an enrolment: the server then knows nothing of this node's past."""
        self._when_enrolled_anew.append(call)

    @classmethod
    async def open(
        cls, client: HttpClient, enroller: Enroller, state: StateDirectory, stored: Identity | None
    ) -> "Session":
        """Enrol, or register anew with the stored token: version and settings may have changed since."""
        identity = await enroller.enrol() if stored is None else await enroller.renew(stored)
        save_identity(state, identity)
        return cls(client, enroller, state, identity)

    async def call(self, method: str, path: str, **options: Any) -> Answer:
        """Any answer but 401. Raises UnavailableError if the call may be repeated later, FatalError as the enroller."""
        for _ in range(2):
            identity = self.identity
            answer = await ask(self._client, identity.admin_urls, method, path, token=identity.api_token, **options)
            if answer.status != UNAUTHORIZED:
                return answer
            await self.renew(identity.api_token)
        raise UnavailableError("the server refuses the token that it has just given")

    async def renew(self, refused_token: str) -> None:
        """Replace the identity, unless another call has done so since `refused_token` was in use."""
        async with self._renewal:
            if self.identity.api_token == refused_token:
                identity = await self._enroller.renew(self.identity)
                save_identity(self._state, identity)
                is_new = identity.enrolled_at != self.identity.enrolled_at
                self.identity = identity
                for call in [*self._when_renewed, *(self._when_enrolled_anew if is_new else ())]:
                    call()
