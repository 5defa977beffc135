"""Machines that the control plane makes, where the family `machines` is deployed."""

from edgectl.model import Action, Field, Resource
from edgectl.resources.shared import show

COMPUTE = "/api/compute/v1"
FAMILY = "machines"

TEMPLATES = Resource(
    "templates",
    "Kinds of machines that can be made.",
    f"{COMPUTE}/templates",
    ("id", "name", "vcpus", "memoryMb", "architecture", "region", "zones"),
    id="as it is",
    family=FAMILY,
    is_whole=True,
)


def _change(verb: str, help_text: str, asks: str = "") -> Action:
    return Action(verb, "POST", f"{COMPUTE}/instances/{{id}}/{verb}", help_text, asks=asks, done="asked for")


INSTANCES = Resource(
    "instances",
    "Machines that the control plane makes; one that joins a cluster is a node of the same id.",
    f"{COMPUTE}/instances",
    ("id", "name", "status", "templateId", "zone", "clusterName", "externalIp"),
    names=("name",),
    family=FAMILY,
    is_whole=True,
    actions=(
        show(f"{COMPUTE}/instances/{{id}}"),
        Action(
            "create",
            "POST",
            f"{COMPUTE}/instances",
            "Make one.",
            (
                Field("templateID", "Its kind: edgectl templates list.", option="template", is_required=True),
                Field("zone", "One of the zones of its kind.", is_required=True),
                Field("name", "Its name."),
                Field("clusterName", "The cluster that it joins.", option="cluster"),
            ),
        ),
        _change("start", "Start one that is stopped."),
        _change("stop", "Stop one; its disk stays."),
        _change("restart", "Reboot one."),
        _change("reset", "Press its reset button.", asks="Reset {}? Its programs end at once."),
        Action(
            "delete",
            "DELETE",
            f"{COMPUTE}/instances/{{id}}",
            "Remove it, its node and all access of it.",
            asks="Remove the machine {}?",
            done="asked for",
        ),
    ),
)
