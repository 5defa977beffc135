"""Fields that the parts of networks share."""

from typing import Annotated

from annotated_types import MaxLen, MinLen

from chalicelib.cloud.api.fields import TENANT_ID, TIME, USER_ID, Shown
from chalicelib.kit.fields import about
from chalicelib.web.validation import Timestamp

VPC_ID = "01a1fd8c-9bc8-7fee-8afc-f6c8cad02101"
SUBNET_ID = "01a1fd8c-9bc8-7fee-8afc-f6c8cad02102"
GROUP_ID = "01a1fd8c-9bc8-7fee-8afc-f6c8cad00000"

Name = Annotated[str, MinLen(1), MaxLen(64)]
Cidr = Annotated[str, MinLen(1), MaxLen(64)]

_REASON = "the AWS account has reached its limit of VPCs in this region (5 unless it was raised)"


class PartOut(Shown):
    """The fields of every part of a network."""

    user_id: Annotated[str | None, about("UUID of the user who made it; null for none.", USER_ID, format="uuid")]
    tenant_id: Annotated[str, about("UUID of the tenant that has it.", TENANT_ID)]
    status_reason: Annotated[str | None, about("Why it is not as it shall be, and what helps; null if it is.", _REASON)]
    created_at: Annotated[Timestamp, about("Time at which it was asked for.", TIME)]
