"""The webhooks of an end-to-end test, and the log of what was delivered to them."""

from tests.e2e.api import Api
from tests.e2e.cloud import eventually
from tests.e2e.webhook_receiver import Receiver

SECRET = "a-cryptographically-random-32-byte-secret"

SETTLED = {"succeeded", "failed"}


class Hooks:
    """Webhooks by the path that they lead to."""

    def __init__(self, api: Api, receiver: Receiver) -> None:
        self._api = api
        self.receiver = receiver
        self._ids: dict[str, str] = {}

    def add(self, path: str, *events: str, url: str | None = None, secret: str = SECRET, **more: object) -> str:
        body = {"url": url or self.receiver.url(path), "secret": secret, "subscribed_events": list(events), **more}
        answer = self._api.call("POST", "/api/v1/webhooks", body)
        assert answer.status == 201, answer.text
        self._ids[path] = answer.data["id"]
        return self._ids[path]

    def path(self, path: str) -> str:
        """Where the API has it."""
        return f"/api/v1/webhooks/{self._ids[path]}"

    def ask(self, path: str, action: str, body: object = None) -> dict:
        answer = self._api.call("POST", f"{self.path(path)}/{action}", body)
        assert answer.status in {200, 202}, answer.text
        return answer.data

    def deliveries(self, path: str) -> list[dict]:
        """Its log, newest first."""
        return self._api.items(f"{self.path(path)}/deliveries")

    def settled(self, path: str) -> dict:
        """Its one delivery, once it is over."""

        def look() -> dict | None:
            [delivery] = self.deliveries(path) or [None]
            return delivery if delivery and delivery["status"] in SETTLED else None

        return eventually(look)

    def tested(self, path: str, status: str) -> dict:
        """What came of a test, once it came to that."""
        where = f"{self.path(path)}/deliveries/{self.ask(path, 'test')['id']}"
        return eventually(lambda: found if (found := self._api.get(where).data)["status"] == status else None)

    def remove(self, path: str) -> None:
        assert self._api.call("DELETE", self.path(path)).status == 204
        del self._ids[path]

    def remove_all(self) -> None:
        for path in [*self._ids]:
            self.remove(path)


def statuses(delivery: dict) -> list[int | None]:
    return [attempt["status"] for attempt in delivery["attempts"]]
