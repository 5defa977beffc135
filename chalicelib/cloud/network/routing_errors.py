"""The errors of EC2 about what is connected to what: attachments, associations and routes.

Most of them say that a change before this one is not done yet, so that it is tried again. Codes: Amazon EC2 developer
guide, "Error codes for the Amazon EC2 API".
"""

from chalicelib.cloud.network.ec2_errors import IN_USE
from chalicelib.platform.provisioning.aws_errors import AwsErrors

ROUTE_EXISTS, NO_ROUTE = "RouteAlreadyExists", "InvalidRoute.NotFound"
NOT_ATTACHED, NO_ASSOCIATION = "Gateway.NotAttached", "InvalidAssociationID.NotFound"

_CHANGING = "what it is connected to is still changing in AWS"

ROUTING_ERRORS = AwsErrors(
    service="EC2",
    again={
        "DependencyViolation": IN_USE,
        "IncorrectState": _CHANGING,
        "Resource.AlreadyAssociated": _CHANGING,
        "InvalidParameterValue": "AWS does not connect it to that yet",
        NOT_ATTACHED: _CHANGING,
        NO_ASSOCIATION: _CHANGING,
        NO_ROUTE: _CHANGING,
        "InvalidVpcID.NotFound": "EC2 does not show its VPC yet",
        "InvalidSubnetID.NotFound": "EC2 does not show the subnet yet",
        "InvalidRouteTableID.NotFound": "EC2 does not show the route table yet",
        "InvalidInternetGatewayID.NotFound": "EC2 does not show the internet gateway yet",
        "InvalidGatewayID.NotFound": "EC2 does not show the internet gateway yet",
        "InvalidNatGatewayID.NotFound": "EC2 does not show the NAT gateway yet",
        "InvalidVpcPeeringConnectionID.NotFound": "EC2 does not show the peering yet",
    },
    refused={"RouteLimitExceeded": "the route table has as many routes as AWS allows (50 unless it was raised)"},
)
