"""Tables that are protected against deletion, made so that making them can fail and be tried again."""

from typing import Any

Json = dict[str, Any]

_PROTECTED = "DeletionProtectionEnabled"


def unprotected(template: Json, deployed: Json) -> Json:
    """The template, with tables that are not deployed yet left deletable: CloudFormation could not take them back if
    something beside them failed, and the next try would find their names taken. They are protected right after."""
    resources = {
        name: _deletable(each) if name not in deployed["Resources"] else each
        for name, each in template["Resources"].items()
    }
    return {**template, "Resources": resources}


def _deletable(resource: Json) -> Json:
    if not resource.get("Properties", {}).get(_PROTECTED):
        return resource
    return {**resource, "Properties": {**resource["Properties"], _PROTECTED: False}}
