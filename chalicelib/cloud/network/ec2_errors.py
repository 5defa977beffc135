"""The errors of EC2 about networks, with the reasons that their owners read.

Codes: Amazon EC2 developer guide, "Error codes for the Amazon EC2 API"; quotas: Amazon VPC user guide, "Amazon VPC
quotas".
"""

from chalicelib.platform.provisioning.aws_errors import LIMIT, AwsErrors

_RULES_CHANGING = "its rules are still changing in AWS"
IN_USE = "something in AWS still uses it: it is removed as soon as that is gone"

ERRORS = AwsErrors(
    service="EC2",
    gone={"InvalidGroup.NotFound": "EC2 does not know the security group any more"},
    again={
        "DependencyViolation": IN_USE,
        "IncorrectState": "it is still changing in AWS",
        "InvalidVpcID.NotFound": "EC2 does not show its VPC yet",
        "InvalidPermission.Duplicate": _RULES_CHANGING,
        "InvalidPermission.NotFound": _RULES_CHANGING,
        "InvalidStateTransition": "it is still changing in AWS",
        "InvalidVpcPeeringConnectionID.NotFound": "EC2 does not show the peering yet",
        "InvalidAllocationID.NotFound": "EC2 does not show its address yet",
        "InvalidIPAddress.InUse": "AWS still has the address with something",
        "Resource.AlreadyAssociated": "AWS still has the address with something else",
        "InvalidSubnetID.NotFound": "EC2 does not find its subnet yet",
        "InvalidInstanceID.NotFound": "EC2 does not find its instance yet",
        "InvalidInstanceID": "its instance is still changing its state",
        "IncorrectInstanceState": "its instance is still changing its state",
        "Gateway.NotAttached": "AWS does not show the internet gateway of its VPC yet",
    },
    unsure={"InvalidSubnet.Conflict": "AWS still has a subnet with these addresses"},
    refused={
        "VpcLimitExceeded": LIMIT.format("VPCs in this region (5 unless it was raised)", "VPCs"),
        "SubnetLimitExceeded": LIMIT.format("subnets in a VPC (200 unless it was raised)", "subnets"),
        "SecurityGroupLimitExceeded": LIMIT.format("security groups in this region", "groups"),
        "RulesPerSecurityGroupLimitExceeded": LIMIT.format("rules of a security group", "rules"),
        "InvalidVpc.Range": "AWS does not take these addresses for a VPC: make another one, from /16 to /28",
        "InvalidSubnet.Range": "AWS does not take these addresses for a subnet: make another one within its VPC",
        "ActiveVpcPeeringConnectionPerVpcLimitExceeded": LIMIT.format("peerings of a VPC (50 at first)", "peerings"),
        "OutstandingVpcPeeringConnectionLimitExceeded": LIMIT.format("peerings that wait for an answer", "peerings"),
        "NatGatewayLimitExceeded": LIMIT.format("NAT gateways in this zone (5 unless it was raised)", "NAT gateways"),
        "AddressLimitExceeded": LIMIT.format("elastic IPs in this region (5 unless it was raised)", "elastic IPs"),
        "InternetGatewayLimitExceeded": LIMIT.format("internet gateways (as many as VPCs)", "internet gateways"),
        "RouteTableLimitExceeded": LIMIT.format("route tables in a VPC (200 unless it was raised)", "route tables"),
        "InvalidParameterValue": "AWS does not take its zone: make another one in a zone of this region",
    },
)
