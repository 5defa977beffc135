"""Creates protected tables in two steps, so that a failed creation can be retried."""

from typing import Any

Json = dict[str, Any]

_PROTECTED = "DeletionProtectionEnabled"


def unprotected(template: Json, deployed: Json) -> Json:
    """The template, in which tables that are not deployed yet are not protected against deletion. Otherwise
    CloudFormation could not roll them back if another resource failed, and the next attempt would find their names
    taken. They are protected right after."""
    resources = {
        name: _deletable(each) if name not in deployed["Resources"] else each
        for name, each in template["Resources"].items()
    }
    return {**template, "Resources": resources}


def _deletable(resource: Json) -> Json:
    if not resource.get("Properties", {}).get(_PROTECTED):
        return resource
    return {**resource, "Properties": {**resource["Properties"], _PROTECTED: False}}
