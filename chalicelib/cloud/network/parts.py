"""The base of the drivers of networks' parts at EC2."""

from typing import ClassVar

from chalicelib.cloud.ec2_things import Ec2Things
from chalicelib.cloud.network.ec2_errors import ERRORS
from chalicelib.platform.provisioning.aws_errors import AwsErrors


class NetworkPart(Ec2Things):
    """See `Ec2Things`."""

    errors: ClassVar[AwsErrors] = ERRORS
