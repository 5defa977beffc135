"""The buckets of families at S3."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bucket:
    """A bucket of a family, whose objects are deleted after ``kept_days``. ``name`` makes the names of its resource and
    of the setting that holds its own, ``{NAME}_BUCKET``. ``is_imported``: EC2 reads disks there, by a role that the
    setting ``{NAME}_IMPORT_ROLE`` names; the bucket's own name follows from the stage then, so that functions of other
    stacks can use it."""

    name: str
    kept_days: int
    is_imported: bool = False
