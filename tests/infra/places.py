"""The places that templates are tried in: the longest names that they accept, in regions of every kind."""

from chalicelib.platform.context import Role
from infra.deployables import CORE, FURTHER, deployables
from infra.functions import FAMILIES
from infra.resolved import Location, resolved
from infra.stateful import stateful_template
from tests.infra.toy import DEPLOYABLE as TOYS

STACKS = {Role.CORE: CORE, Role.FURTHER: FURTHER}
"""The stacks of the fleet, by role."""

EVERY = {
    **{str(role): each for role, each in STACKS.items()},
    **{each.family.name: each for each in deployables(FAMILIES)[1:]},
    "toys": TOYS,
}
"""Every application stack by id: those of the fleet, of each other family, and of one that only tests have."""

STAGE = "production123456"
"""As long as the template lets a stage be."""

NAME = "west123456789012"
"""As long as the template lets a further stack be called."""

US_EAST = Location()
PLACES = (
    US_EAST,
    Location("ap-southeast-1"),
    Location("us-gov-west-1", "aws-us-gov"),
    Location("cn-northwest-1", "aws-cn", "amazonaws.com.cn"),
    Location("us-isob-east-1", "aws-iso-b", "sc2s.sgov.gov"),
)
"""No region has a longer name than those of fourteen letters, and few partitions have one as long as GovCloud's."""


def parameters_of_the_application(place=US_EAST, stage=STAGE, deployable=CORE):
    """What an application's stack has to be given: the outputs of the stateful ones, and the names of the longest."""
    given = {"Stage": stage, "Name": NAME, "WebsocketAPI": "a1b2c3d4e5"}
    for each in [CORE, deployable] if deployable.has_state else [CORE]:
        state = resolved(stateful_template(each, retain=True), given, place)
        given |= {name: output["Value"] for name, output in state["Outputs"].items()}
    return given
