"""The errors of EC2 about images, with the reasons that their owners read.

Codes: Amazon EC2 developer guide, "Error codes for the Amazon EC2 API".
"""

from chalicelib.platform.provisioning.aws_errors import LIMIT, NO_IMAGE, AwsErrors

NO_SNAPSHOT = "InvalidSnapshot.NotFound"
TAKEN = "InvalidAMIName.Duplicate"
OVER = frozenset({"IncorrectState", "InvalidConversionTaskId", "InvalidConversionTaskId.NotFound"})
"""An import that cannot be ended, since it has ended or is not there."""

_UNREAD = "EC2 could not read the file: upload it again"

ERRORS = AwsErrors(
    service="EC2",
    gone={
        **dict.fromkeys(NO_IMAGE, "EC2 does not know the image any more"),
        NO_SNAPSHOT: "EC2 does not know the snapshot any more",
    },
    again={
        "InvalidSnapshot.InUse": "its image is still being removed",
        "IncorrectState": "EC2 is still changing it",
        "ResourceCountExceeded": "EC2 imports as many files as it can at a time",
        "ResourceLimitExceeded": "EC2 imports as many files as it can at a time",
    },
    refused={
        "SnapshotLimitExceeded": LIMIT.format("snapshots", "snapshots"),
        "AMIQuotaExceeded": LIMIT.format("images", "images"),
        "InvalidS3ObjectKey": _UNREAD,
        "UploadedFileNotFound": _UNREAD,
        "InvalidAction": "this cloud imports no files: images need AWS",
    },
)
