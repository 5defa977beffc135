"""The world outside: names that resolve as a test says, and receivers that answer as it says."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from chalicelib.kit.outbound import Answer, Call, NoAnswerError, Reason, UnresolvedError
from tests.support.fakes.clock import FakeClock

PUBLIC_ADDRESS = "93.184.215.14"

HANGING_SECONDS = 10.0

Reply = Answer | NoAnswerError | Callable[[], Answer]


class FakeResolver:
    """Every name has a public address, but for those in ``addresses``; one with none does not resolve. Each question
    about a name takes its next list, the last for ever."""

    def __init__(self) -> None:
        self.addresses: dict[str, list[Sequence[str]]] = {}
        self.asked: list[str] = []

    def set(self, host: str, *answers: Sequence[str]) -> None:
        self.addresses[host] = list(answers)

    def resolve(self, host: str, seconds: float) -> Sequence[str]:
        del seconds
        self.asked.append(host)
        answers = self.addresses.get(host, [[PUBLIC_ADDRESS]])
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        if not found:
            raise UnresolvedError("no such name")
        return found


@dataclass(frozen=True)
class Received:
    """One request, and where it went."""

    host: str
    addresses: Sequence[str]
    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float
    """Seconds since the test began."""


class FakeReceivers:
    """Answers 204, or what `reply` has queued for a host, the last for ever. A hanging one takes its time first."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._started = clock.now()
        self._replies: dict[str, list[Reply]] = {}
        self._hanging: set[str] = set()
        self._services: dict[str, Callable[[Call], Answer]] = {}
        self.received: list[Received] = []

    def reply(self, host: str, *replies: Reply) -> None:
        self._replies[host] = list(replies)

    def serve(self, host: str, answer: Callable[[Call], Answer]) -> None:
        """A service of the installation itself, whose requests are not among `received`."""
        self._services[host] = answer

    def hang(self, host: str) -> None:
        self._hanging.add(host)

    def recover(self, host: str) -> None:
        self._hanging.discard(host)
        self._replies.pop(host, None)

    def of(self, host: str) -> list[Received]:
        """The requests that a host has received."""
        return [one for one in self.received if one.host == host]

    def send(self, call: Call, addresses: Sequence[str]) -> Answer:
        target = call.target
        if target.host in self._services:
            return self._services[target.host](call)
        at = (self._clock.now() - self._started).total_seconds()
        body = call.body or b""
        self.received.append(Received(target.host, tuple(addresses), target.path, dict(call.headers), body, at))
        if target.host in self._hanging:
            self._clock.sleep(HANGING_SECONDS)
            raise NoAnswerError(Reason.TIMEOUT)
        replies = self._replies.get(target.host, [Answer(204)])
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        if isinstance(reply, NoAnswerError):
            raise reply
        return reply if isinstance(reply, Answer) else reply()
