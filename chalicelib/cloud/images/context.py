"""Declares the context `images`: the kind of resource that an image is, the bucket of files, permissions."""

from datetime import timedelta

from chalicelib.cloud.images.model import IMAGE
from chalicelib.cloud.images.rules import KEPT_DAYS, charge_of, drifted
from chalicelib.platform.buckets import Bucket
from chalicelib.platform.context import BATCH_GET, GET, PUT, QUERY, UPDATE, Context, Grants
from chalicelib.platform.provisioning.ports import Kind

FILES = Bucket("images", kept_days=KEPT_DAYS, is_imported=True)
"""The files of images."""

IMAGES = Kind(
    name=IMAGE,
    driver=lambda cloud: cloud.image_driver,
    # EC2 takes hours for a large file, and imports a few at a time.
    create_within=timedelta(days=1),
    change_within=timedelta(days=1),
    is_slow=True,
    drifted=drifted,
    charge_of=charge_of,
)
"""An image of a tenant."""

CONTEXT = Context(
    name="images",
    buckets=(FILES,),
    kinds=(IMAGES,),
    grants={
        "cloud_api": Grants(
            tables={"resources": GET | BATCH_GET | QUERY | PUT | UPDATE, "quotas": UPDATE, "tenants": GET},
            buckets=(FILES,),
        ),
        "provision": Grants(makes_images=True, empties=(FILES,), assembles=(FILES,)),
        "report_strangers": Grants(describes_images=True),
    },
)
