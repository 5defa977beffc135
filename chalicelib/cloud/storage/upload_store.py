"""Rows of uploads in parts: keys and attribute names. They end by themselves, as uploads at S3 do."""

from chalicelib.cloud.gone import remove_chunk
from chalicelib.cloud.storage.model import Upload
from chalicelib.kit.tables import Delete, Item, Put, Query, Table, Tables, put_new

UPLOADS = Table("uploads", partition="listing", sort="id", tenanted=True, expires_at="expires_epoch")

_LISTING = "uploads"
"""The single partition of a tenant's uploads."""


class UploadStore:
    """The uploads of one tenant, on its scoped `Tables`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def find(self, upload_id: str) -> Upload | None:
        """An upload that has begun and was neither completed nor ended, or None."""
        row = self._tables.get(UPLOADS, _key(upload_id))
        return None if row is None else Upload.model_validate(row)


def put_upload(upload: Upload) -> Put:
    """A new upload."""
    item: Item = {**upload.model_dump(exclude={"version"}), "listing": _LISTING}
    return put_new(UPLOADS, item)


def delete_upload(upload: Upload) -> Delete:
    """The upload is over; so it is if its row is gone."""
    return Delete(UPLOADS, _key(upload.id))


def empty_chunk(tables: Tables, cursor: str | None) -> str | None:
    """Remove the next uploads of a deleted tenant, on its view; returns the cursor of the next chunk if there are
    more."""
    return remove_chunk(tables, Query(UPLOADS, _LISTING, consistent=True), cursor)


def _key(upload_id: str) -> dict[str, str]:
    return {"listing": _LISTING, "id": upload_id}
