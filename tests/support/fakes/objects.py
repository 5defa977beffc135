"""A bucket as the application sees it: objects in memory, links that name them."""

import io
from typing import Any

from botocore.exceptions import ClientError, EndpointConnectionError


class FakeObjects:
    """``objects`` by bucket and key. A missing one is answered as to a caller that may not list the bucket.

    ``fails_with`` makes every read fail: with that code, or without a connection for "".
    """

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}
        self.fails_with: str | None = None
        self.reads: list[str] = []
        self.signed: list[dict[str, Any]] = []
        """What each signed URL was made of."""

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, **_: Any) -> None:
        self.objects[Bucket, Key] = Body

    def get_object(self, *, Bucket: str, Key: str) -> Any:
        self.reads.append(Key)
        if self.fails_with == "":
            raise EndpointConnectionError(endpoint_url="https://s3.test")
        code = self.fails_with or (None if (Bucket, Key) in self.objects else "AccessDenied")
        if code is not None:
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[Bucket, Key])}

    def head_object(self, *, Bucket: str, Key: str) -> Any:
        self.get_object(Bucket=Bucket, Key=Key)

    def delete_object(self, *, Bucket: str, Key: str) -> None:
        self.objects.pop((Bucket, Key), None)

    def generate_presigned_url(self, ClientMethod: str, Params: dict[str, Any], ExpiresIn: int) -> str:
        self.signed.append(Params)
        return f"https://{Params['Bucket']}.test/{Params['Key']}?{ClientMethod}&expires={ExpiresIn}"
