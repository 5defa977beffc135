"""What stacks are made of, by logical id. CloudFormation deletes what a template no longer names, and makes anew what
it names otherwise: a table that is renamed by mistake is an empty one.

Where a change is meant: `python -m tests.infra.test_logical_ids` writes the list, and its difference is reviewed.
"""

import json
import re
from pathlib import Path
from tempfile import TemporaryDirectory

from chalicelib.schema import ALL_TABLES
from infra.functions import Role
from infra.package import package
from infra.resolved import transformed
from infra.stateful import stateful_template

LIST = Path(__file__).with_name("logical_ids.json")

DEPLOYMENT = re.compile(r"^(RestAPIDeployment)[0-9a-f]{10}$")
"""A new one for each change of the API, named by its content: the list has its beginning only."""


def logical_ids(templates):
    """The type of every resource, by logical id, of each stack."""
    every = {"stateful": stateful_template(ALL_TABLES, retain=True), **templates}
    return {
        name: {
            DEPLOYMENT.sub(r"\1", each): resource["Type"] for each, resource in sorted(template["Resources"].items())
        }
        for name, template in every.items()
    }


def test_nothing_is_renamed_or_lost_by_mistake(templates):
    known = json.loads(LIST.read_text())
    now = logical_ids(templates)

    assert now == known, "if this is meant: python -m tests.infra.test_logical_ids, and look at the difference"


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        packages = {role: package(Path(folder) / role, "local", code_only=True, role=role)[0] for role in Role}
    ids = logical_ids({role: transformed(template) for role, template in packages.items()})
    LIST.write_text(json.dumps(ids, indent=1, sort_keys=True) + "\n")
