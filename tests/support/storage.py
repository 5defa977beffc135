"""The storage of a tenant, by the cloud's API."""

from typing import Any

from tests.support.client import HttpAnswer
from tests.support.cloud import CloudScene
from tests.support.world import IMAGE_FILES, World


def rest(world: World) -> None:
    """Let the workers make what is wanted."""
    for _ in range(3):
        world.settle()
        world.clock.advance(20)
        world.sweep("sweep_provisioning")
    world.settle()


class StorageScene(CloudScene):
    """A tenant that may have buckets, in which the operator works."""

    def __init__(self, world: World | None = None, slug: str = "engines") -> None:
        super().__init__(world, **({} if world else {"registration": "open"}))
        self.tenant_id = self.tenant(slug)
        self.grant(buckets=100)

    def grant(self, **quotas: int) -> None:
        body = {f"max_{name}": number for name, number in quotas.items()}
        answer = self.request("set_quotas", variables={"tenant_id": self.tenant_id}, json=body)
        assert answer.status == 200, answer.text

    def buckets_at_s3(self) -> dict[str, Any]:
        """The buckets of tenants at S3, by their names there."""
        return {name: each for name, each in self.world.object_client.buckets.items() if name != IMAGE_FILES}

    def ask(self, method: str, path: str, **options: Any) -> HttpAnswer:
        """A request in the tenant."""
        headers = {"x-tenant-id": self.tenant_id, **options.pop("headers", {})}
        return self.send(method, path, headers=headers, **options)

    def get(self, path: str, **options: Any) -> HttpAnswer:
        return self.ask("GET", path, **options)

    def post(self, path: str, **options: Any) -> HttpAnswer:
        return self.ask("POST", path, **options)

    def patch(self, path: str, **options: Any) -> HttpAnswer:
        return self.ask("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> HttpAnswer:
        return self.ask("DELETE", path, **options)

    def put(self, path: str, content: bytes, **options: Any) -> HttpAnswer:
        """Store an object at ``bucket/key``."""
        return self.ask("PUT", f"/storage/{path}", body=content, **options)

    def make(self, name: str) -> HttpAnswer:
        return self.post("/storage/buckets", json={"name": name})

    def bucket(self, name: str, *, versioning: bool = False) -> str:
        """The id of a bucket that can be used."""
        made = self.make(name)
        assert made.status == 201, made.text
        self.rest()
        if versioning:
            self.patch(f"/storage/buckets/{name}/versioning", json={"enabled": True})
            self.rest()
        return str(made.json["data"]["id"])

    def rest(self) -> None:
        """Let the workers make what is wanted."""
        rest(self.world)

    def link(self, path: str, **body: Any) -> Any:
        """A link to ``bucket/key``."""
        answer = self.post(f"/storage/presign/{path}", json=body)
        assert answer.status == 200, answer.text
        return answer.json["data"]
