"""The errors of EC2 about networks, with the reasons that their owners read.

Codes: Amazon EC2 developer guide, "Error codes for the Amazon EC2 API"; quotas: Amazon VPC user guide, "Amazon VPC
quotas".
"""

from chalicelib.platform.provisioning.aws_errors import LIMIT, AwsErrors

_IN_USE = "something in AWS still uses it: it is removed as soon as that is gone"

ERRORS = AwsErrors(
    service="EC2",
    again={
        "DependencyViolation": _IN_USE,
        "IncorrectState": "it is still changing in AWS",
        "InvalidVpcID.NotFound": "EC2 does not show its VPC yet",
        "InvalidSubnet.Conflict": "AWS still has a subnet with these addresses",
    },
    refused={
        "VpcLimitExceeded": LIMIT.format("VPCs in this region (5 unless it was raised)", "VPCs"),
        "SubnetLimitExceeded": LIMIT.format("subnets in a VPC (200 unless it was raised)", "subnets"),
        "InvalidVpc.Range": "AWS does not take these addresses for a VPC: make another one, from /16 to /28",
        "InvalidSubnet.Range": "AWS does not take these addresses for a subnet: make another one within its VPC",
        "InvalidParameterValue": "AWS does not take its zone: make another one in a zone of this region",
    },
)
