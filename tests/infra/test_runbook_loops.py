"""Loops of the runbook do what their text says: each is run in bash, with commands in place of AWS that note each
call."""

import subprocess

import pytest

from infra.package import ROOT
from tests.support.shell_blocks import blocks_of

BLOCKS = [block.text for block in blocks_of((ROOT / "docs" / "runbook.md").read_text())]
FIRST = BLOCKS[0]

AWS = """#!/bin/bash
about='source-table-name|table-name|stack-name|function-name'
echo "$1 $2 $*" | sed -E "s/^([^ ]+ [^ ]+) .*--($about) ([^ ]+).*/\\1 \\3/" >> calls
name=$(tail -1 calls | cut -d' ' -f3)
case "$2" in
  describe-table) test -e "made/$name" && cat "made/$name" && echo ACTIVE > "made/$name" ;;
  restore-table-to-point-in-time)
    if [ "$name" = edge-admin-prod-nodes ] && [ ! -e refused ]; then touch refused; exit 254; fi
    echo CREATING > "made/$name-restored" ;;
  list-stack-resources) echo "$name-one"; echo "$name-two" ;;
  get-query-results) echo Complete ;;
  wait) [ "$name" != "$(cat stuck 2>/dev/null)" ] ;;
esac
"""
PYTHON = """#!/bin/bash
case "$2" in
  infra.aws) [ "$*" = "-m infra.aws --stage prod" ] && echo eu-south-2 ;;
  infra.stage_tables) echo commands counters nodes webhooks ;;
  infra.stage_stacks) printf '%s\\n' edge-admin-prod-machines edge-admin-prod-machines-state edge-admin-prod ;;
esac
"""


def block_with(*texts):
    """The block of the runbook that has these texts."""
    [found] = [block for block in BLOCKS if all(text in block for text in texts)]
    return found


class Desk:
    """A terminal in a checkout, whose `aws` and Python note calls and answer for a small stage."""

    def __init__(self, folder):
        self.folder = folder
        for path, text in (("bin/aws", AWS), ("bin/sleep", "#!/bin/bash\n"), (".venv/bin/python", PYTHON)):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
            (folder / path).chmod(0o755)
        (folder / "made").mkdir()

    def paste(self, block):
        """The calls that a block makes: service, command and the name that it is about."""
        environment = {"PATH": f"{self.folder}/bin:/usr/bin:/bin"}
        subprocess.run(
            ["bash", "-c", FIRST + block],
            cwd=self.folder,
            env=environment,
            timeout=60,
            capture_output=True,
            check=False,
        )
        return (self.folder / "calls").read_text().splitlines()


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def test_first_block_takes_the_region_of_the_stage(desk):
    assert desk.paste('aws sts "$(printenv AWS_REGION)"')[0].split()[:2] == ["sts", "eu-south-2"]


def called(calls, command):
    return [call.split()[2] for call in calls if call.split()[1] == command]


def test_restore_tries_a_refused_table_again_and_leaves_the_totals_out(desk):
    calls = desk.paste(block_with("infra.stage_tables", "restore-table-to-point-in-time"))

    tables = called(calls, "restore-table-to-point-in-time")
    assert tables == [f"edge-admin-prod-{name}" for name in ("commands", "nodes", "nodes", "webhooks")]
    assert calls[-1] == "dynamodb describe-table edge-admin-prod-webhooks-restored"


def test_repeated_restore_leaves_out_tables_that_are_there(desk):
    (desk.folder / "made" / "edge-admin-prod-commands-restored").write_text("ACTIVE\n")
    (desk.folder / "refused").touch()
    calls = desk.paste(block_with("infra.stage_tables", "restore-table-to-point-in-time"))

    assert called(calls, "restore-table-to-point-in-time") == ["edge-admin-prod-nodes", "edge-admin-prod-webhooks"]


@pytest.mark.parametrize("command", ["put-function-concurrency", "delete-function-concurrency"])
def test_restore_stops_and_starts_the_functions_of_every_stack(desk, command):
    names = called(desk.paste(block_with(f'aws lambda {command} --function-name "$name"')), command)

    assert {name.rpartition("-")[0] for name in names} == {
        "edge-admin-prod-machines",
        "edge-admin-prod-machines-state",
        "edge-admin-prod",
    }
    assert len(names) == 6


class TestTakeDown:
    BLOCK = ("delete-stack", "wait stack-delete-complete")

    def test_stacks_are_unprotected_and_deleted_in_their_order(self, desk):
        calls = desk.paste(block_with(*self.BLOCK))

        deleted = called(calls, "delete-stack")
        assert deleted == ["edge-admin-prod-machines", "edge-admin-prod-machines-state", "edge-admin-prod"]
        assert called(calls, "update-termination-protection") == deleted

    def test_stack_that_cannot_be_deleted_stops_the_loop(self, desk):
        (desk.folder / "stuck").write_text("edge-admin-prod-machines-state\n")
        calls = desk.paste(block_with(*self.BLOCK))

        assert called(calls, "delete-stack") == ["edge-admin-prod-machines", "edge-admin-prod-machines-state"]


def test_query_finds_its_log_groups_by_their_beginning(desk):
    (desk.folder / "infra").symlink_to(ROOT / "infra")
    calls = desk.paste(block_with("query() {") + "query failures rest_access\nquery request '' 4f1c")

    assert [" ".join(call.partition("SOURCE")[2].split()[:5]) for call in calls if "SOURCE" in call] == [
        "logGroups(namePrefix: ['/edge-admin/prod/rest_access']) | fields @timestamp,",
        "logGroups(namePrefix: ['/edge-admin/prod/']) | fields @timestamp,",
    ]
    assert [call for call in calls if "log-group" in call] == []
