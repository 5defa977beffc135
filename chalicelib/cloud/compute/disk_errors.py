"""The errors of EC2 about volumes and snapshots, with the reasons that their owners read.

Codes: Amazon EC2 developer guide, "Error codes for the Amazon EC2 API".
"""

from dataclasses import replace

from chalicelib.platform.provisioning.aws_errors import LIMIT, AwsErrors

MISMATCH = "IdempotentParameterMismatch"
NO_VOLUME, NO_SNAPSHOT = "InvalidVolume.NotFound", "InvalidSnapshot.NotFound"

_CHANGING = "the disk or its machine is still changing its state"

ERRORS = AwsErrors(
    service="EC2",
    gone={NO_VOLUME: "EC2 does not know the volume any more", NO_SNAPSHOT: "EC2 does not know the snapshot any more"},
    again={
        "IncorrectState": _CHANGING,
        "IncorrectInstanceState": _CHANGING,
        "InvalidInstanceID.NotFound": "EC2 does not find the instance yet",
        "VolumeInUse": "the volume is still being detached",
        "InvalidAttachment.NotFound": _CHANGING,
        "PendingSnapshotLimitExceeded": "EC2 is making as many snapshots as it can at a time",
        "ConcurrentSnapshotLimitExceeded": "EC2 makes a few snapshots of one volume at a time",
        "SnapshotCreationPerVolumeRateExceeded": "EC2 makes one snapshot of a volume each 15 seconds",
        "InsufficientVolumeCapacity": "EC2 has no disk of this size in this zone now: it is tried again",
    },
    refused={
        "VolumeLimitExceeded": LIMIT.format("disk space", "volumes"),
        "MaxIOPSLimitExceeded": LIMIT.format("disk operations", "volumes"),
        "SnapshotLimitExceeded": LIMIT.format("snapshots", "snapshots"),
        "AttachmentLimitExceeded": "the instance has as many disks as its type can have: detach one first",
        "InvalidVolume.ZoneMismatch": "the volume is in another zone than the instance: restore a snapshot of it there",
        "InvalidSnapshot.InUse": "an image is made of the snapshot: its operator has to delete that first",
    },
)

ATTACHING_ERRORS = replace(
    ERRORS, again={**ERRORS.again, "InvalidParameterValue": "the instance still has another disk as this device"}
)
"""Those of an attachment. A device is free for the next volume as soon as its last one shall be detached, and EC2
refuses it until that one is."""
