"""`make templates`: runs linters on the packaged templates, with a reason for each finding that is accepted.

cfn-lint checks what CloudFormation accepts in each region, cfn-lint-serverless good practice for serverless
applications, parliament IAM's actions, resources and conditions. A finding without a reason fails, and so does a reason
without a finding, which would hide the next one.
"""

import importlib
import json
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from types import ModuleType
from typing import Any

from infra.policies import documents_of
from infra.resolved import Location, resolved, transformed

Json = dict[str, Any]

REGIONS = ("us-east-1", "ap-southeast-1", "us-gov-west-1", "cn-northwest-1")

MACHINE_NETWORK = Path(__file__).parent / "machine_network.yaml"
"""A template that operators deploy by themselves."""

NO_TRACING = "a trace costs 5 USD a million, more than the request that it is of; request ids run through our log lines"
NO_DESTINATION = "each run mends what the one before left undone, and an alarm counts those that fail"

REASONS: Mapping[str, str] = {
    "ES1001": "the relay never gives a record up: what it cannot understand it parks itself, and goes on",
    "ES1007": NO_DESTINATION,
    "ES2000": "the setting is there, but stands in a condition: API_ACCESS_LOGS=off",
    "ES4000": NO_DESTINATION,
    "ES6000": "these are the dead letters, and the queue that people read",
    "ES7000": "mail that cannot be delivered is not worth a queue: the alarm is in CloudWatch",
    "WS1000": NO_TRACING,
    "WS1004": "the log groups have names of ours, which LoggingConfig tells the functions",
    "WS2002": NO_TRACING,
    "W1030": "the parameter may be empty, where a condition leaves out what uses it",
    "E3006 AWS::Budgets::Budget": "not in every region; where no budget is set, a deployment leaves it out",
    "UNKNOWN_CONDITION_FOR_ACTION lambda:SourceFunctionArn": "Lambda gives it to all calls of a function's code; "
    "the list has only what the called services give",
    "UNKNOWN_CONDITION_FOR_ACTION kms:ResourceAliases": "a key of KMS has it as a resource; the list has what belongs "
    "to actions",
    "RESOURCE_MISMATCH ec2:ModifyInstanceAttribute": "one for machines, and one for the groups that they are given",
    "RESOURCE_MISMATCH ec2:RunInstances": "a statement for each kind of resource, with the conditions of its own",
    "RESOURCE_MISMATCH ssm:GetParameters": "public parameters are of no account",
    "RESOURCE_MISMATCH stream": "the colons in a stream's time are taken for those of its ARN",
}
"""Reasons by the rule of a finding, with a part of its text if the rule alone would match too much."""


@dataclass(frozen=True)
class Finding:
    rule: str
    text: str
    source: str

    @property
    def reason(self) -> str | None:
        """The key in `REASONS`, or None for a finding that has none."""
        for known in REASONS:
            rule, _, part = known.partition(" ")
            if rule == self.rule and part in self.text:
                return known
        return None


def of_templates(paths: list[Path]) -> Iterator[Finding]:
    """The findings of cfn-lint, with the rules for serverless applications. Raises RuntimeError if it does not run."""
    start = "import sys; from cfnlint.runner import main; sys.exit(main())"  # it has no __main__
    command = [sys.executable, "-c", start, "--append-rules", "cfn_lint_serverless.rules", "--format", "json"]
    command += ["--regions", *REGIONS, "--template", *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout:
        raise RuntimeError(f"cfn-lint does not run:\n{done.stderr}")
    for each in json.loads(done.stdout):
        yield Finding(each["Rule"]["Id"], each["Message"], each["Filename"])


def parliament() -> Any:
    """Import the linter. It needs one function of a module that setuptools no longer has, and does not close its
    files."""
    if "pkg_resources" not in sys.modules:
        stand_in = ModuleType("pkg_resources")
        stand_in.resource_filename = lambda package, name: str(resources.files(package) / name)  # type: ignore[attr-defined]
        sys.modules["pkg_resources"] = stand_in
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        return importlib.import_module("parliament")


def of_policies(template: Json, parameters: Mapping[str, str]) -> Iterator[Finding]:
    """The findings of parliament in the roles and managed policies of a transformed template, resolved with these
    parameters."""
    for name, resource in resolved(template, parameters, Location())["Resources"].items():
        for document in documents_of(resource):
            for each in parliament().analyze_policy_string(json.dumps(document)).findings:
                yield Finding(each.issue, str(each.detail), name)


def verdict(findings: list[Finding]) -> list[str]:
    """The findings without a reason, and the reasons without a finding."""
    wrong = [f"{each.source}: {each.rule} {each.text}" for each in findings if each.reason is None]
    unused = sorted({*REASONS} - {each.reason for each in findings})
    return wrong + [f"no finding has the reason {each!r} of infra/lint.py any more: remove it" for each in unused]


def lint(build: Path) -> list[str]:
    """The verdict on all templates in the build's folder: the core's, and in folders of their own a further stack's and
    those of other families; and on `MACHINE_NETWORK`."""
    stateful = [build / "stateful.json", *sorted(build.glob("*/stateful.json"))]
    packaged = [build / "packaged" / "sam.json", *sorted(build.glob("*/packaged/sam.json"))]
    given = {"Stage": "dev", "Name": "west", "WebsocketAPI": "a1b2c3d4e5"}
    for path in stateful:
        outputs = resolved(json.loads(path.read_text()), given, Location())["Outputs"]
        given |= {name: each["Value"] for name, each in outputs.items()}
    findings = list(of_templates([*stateful, *packaged, MACHINE_NETWORK]))
    for path in packaged:
        findings += of_policies(transformed(json.loads(path.read_text())), given)
    return verdict(findings)


def main() -> int:
    for line in (wrong := lint(Path(sys.argv[1]))):
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
