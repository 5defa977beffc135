"""Change a key of a deployed stage: ``python -m infra.rotate operator-key --stage dev --key API_KEY``, its data key,
or the key that signs webhooks.

Credentials come from the shell, the region from the stage's file or the shell. No value is ever printed.
"""

import argparse
import json
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TextIO

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.kit.clock import Clock, SystemClock, to_seconds_text
from chalicelib.kit.crypto import Sealer
from chalicelib.kit.data_keys import DataKeys, KmsKeyService, RotatedMeanwhileError
from chalicelib.kit.ids import Ids
from chalicelib.kit.queues import Queues
from chalicelib.kit.tables import Meter, Tables
from chalicelib.kit.tables.dynamodb import DynamoDriver
from chalicelib.platform.access.keys import PREVIOUS, PREVIOUS_UNTIL, SHORTEST_KEY
from chalicelib.platform.signing.model import PrivateKeys
from chalicelib.platform.signing.service import RotatedMeanwhileError as SigningRotatedError
from chalicelib.platform.signing.service import Signing
from chalicelib.platform.signing.store import PairStore
from infra import aws
from infra.data_key import DataKeyRotation, NotYetError
from infra.functions import APP_NAME
from infra.parameters import SECRET_KEYS
from infra.signing_key import rotate_signing_key
from infra.stacks import WAIT, Stacks, stateful_stack
from infra.stage_tables import tables_of

OVERLAP = timedelta(hours=1)
"""How long the previous value is accepted too, by default."""

LONGEST_OVERLAP = timedelta(days=7)

GENERATED_BYTES = 32
"""The random bytes of a new key, which make 43 characters: letters, digits, - and _."""

NETMAKERS = "NETMAKER_MASTER_KEY"
"""Netmaker's own key: it is chosen there, and there is no overlap."""

LOOK_SECONDS = 15
"""The seconds between two checks for values that are still to be sealed again."""

QUEUED_AGAIN = timedelta(minutes=5)

PATIENCE = timedelta(minutes=30)
"""How long the command waits for the end of the sealing. It may be repeated."""

_PENDING = "EDGE_ADMIN_PENDING"


class RotationError(Exception):
    """The rotation was refused; nothing has changed."""


def rotated(values: Mapping[str, str], name: str, new: str, now: datetime, overlap: timedelta) -> dict[str, str]:
    """The secret with a new value of the key. The previous value is accepted until the end of the overlap, and removed
    at once without one. Raises `RotationError` for an invalid value."""
    if len(new) < SHORTEST_KEY:
        raise RotationError(f"a key has at least {SHORTEST_KEY} characters, not {len(new)}")
    if new == values.get(name):
        raise RotationError(f"this is the {name} already")
    changed = {field: value for field, value in values.items() if not field.startswith(f"{name}{PREVIOUS}")}
    before = values.get(name)
    if before and overlap and name != NETMAKERS:
        changed[f"{name}{PREVIOUS}"] = before
        changed[f"{name}{PREVIOUS_UNTIL}"] = to_seconds_text(now + overlap)
    return {**changed, name: new}


def rotate_operator_key(client: Any, secret: str, name: str, new: str, now: datetime, overlap: timedelta) -> None:
    """Write the new value. Raises `RotationError`, also if the secret was changed concurrently."""
    current = client.get_secret_value(SecretId=secret)
    changed = rotated(json.loads(current["SecretString"]), name, new, now, overlap)
    text = json.dumps(changed)
    written = client.put_secret_value(SecretId=secret, SecretString=text, VersionStages=[_PENDING])
    try:
        # Only if the version that was read is still the current one: this makes read and write one step.
        client.update_secret_version_stage(
            SecretId=secret,
            VersionStage="AWSCURRENT",
            MoveToVersionId=written["VersionId"],
            RemoveFromVersionId=current["VersionId"],
        )
    except client.exceptions.InvalidParameterException as error:
        raise RotationError("somebody else has changed the secret meanwhile: look at it, and try again") from error


def secret_name(stage: str) -> str:
    return f"{APP_NAME}-{stage}-keys"


def _operator_key(asked: argparse.Namespace, stdin: TextIO) -> str:
    overlap = timedelta(0) if asked.revoke else timedelta(minutes=asked.overlap_minutes)
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise RotationError(f"an overlap is 0 to {LONGEST_OVERLAP // timedelta(minutes=1)} minutes")
    if asked.key == NETMAKERS and not asked.stdin:
        raise RotationError(f"{NETMAKERS} is chosen in Netmaker: give it to --stdin")
    new = stdin.readline().strip() if asked.stdin else secrets.token_urlsafe(GENERATED_BYTES)
    secret, now = secret_name(asked.stage), datetime.now(UTC)
    secrets_manager = aws.client(aws.session_of(asked.stage), "secretsmanager")
    rotate_operator_key(secrets_manager, secret, asked.key, new, now, overlap)
    if overlap and asked.key != NETMAKERS:
        until = f"the value before is accepted until {to_seconds_text(now + overlap)}"
    else:
        until = "the value before ends within five minutes"
    return f"{asked.key} has a new value in the secret {secret}; {until}."


def seal_again(rotation: DataKeyRotation, clock: Clock, say: Callable[[str], None]) -> None:
    """Queue the re-encryption of all values of older keys, and wait for it. Raises `NotYetError` when that takes longer
    than `PATIENCE`."""
    until = clock.now() + PATIENCE
    queued_at = None
    while (left := rotation.left()).values:
        count = sum(left.values.values())
        if clock.now() >= until:
            raise NotYetError(f"{count} values are left: look at the log of clean_up, and call again with --resume")
        # Queued again only from time to time: work in progress would be done twice.
        if queued_at is None or clock.now() - queued_at >= QUEUED_AGAIN:
            rotation.queue(left)
            queued_at = clock.now()
        say(f"{count} values are sealed with older keys")
        clock.sleep(LOOK_SECONDS)


def _rotation_of(stage: str) -> tuple[DataKeys, DataKeyRotation]:
    session = aws.session_of(stage)
    outputs = Stacks(aws.client(session, "cloudformation"), WAIT).outputs(stateful_stack(stage))
    dynamodb, kms = aws.client(session, "dynamodb"), aws.client(session, "kms")
    prefix, clock, ids = outputs["TablePrefix"], SystemClock(), Ids()
    tables = Tables(DynamoDriver(dynamodb, prefix, Meter()), clock, ids)
    keys = DataKeys(tables, KmsKeyService(lambda: kms, outputs["KeyArn"]), clock, ids, prefix)
    queues = Queues(aws.client(session, "sqs"), outputs["QueueUrlPrefix"])
    return keys, DataKeyRotation(dynamodb, prefix, tables_of(session, stage), keys, queues, clock)


def _data_key(asked: argparse.Namespace) -> str:
    keys, rotation = _rotation_of(asked.stage)
    try:
        if asked.drop:
            dropped = rotation.drop()
            return (
                f"{len(dropped)} older data keys are dropped: a backup from before opens only with its own data_keys."
            )
        if not asked.resume:
            print(f"There is a new data key, {keys.rotate().hex()[:8]}; the older ones are kept.")
        seal_again(rotation, SystemClock(), print)
    except (NotYetError, RotatedMeanwhileError) as error:
        raise RotationError(str(error)) from error
    return "Everything is sealed with the newest data key. Older ones can be dropped 15 minutes from now: --drop"


def _signing_key(asked: argparse.Namespace) -> str:
    session = aws.session_of(asked.stage)
    outputs = Stacks(aws.client(session, "cloudformation"), WAIT).outputs(stateful_stack(asked.stage))
    dynamodb, kms = aws.client(session, "dynamodb"), aws.client(session, "kms")
    prefix, clock, ids = outputs["TablePrefix"], SystemClock(), Ids()
    tables = Tables(DynamoDriver(dynamodb, prefix, Meter()), clock, ids)
    sealer = Sealer(tables, KmsKeyService(lambda: kms, outputs["KeyArn"]), clock, ids, prefix)

    def signing_with(keys: PrivateKeys) -> Signing:
        return Signing(PairStore(tables), keys, sealer, clock, ids)

    print("A new key is made. In five minutes the functions may use it; then it replaces the one before.")
    try:
        key = rotate_signing_key(kms, asked.stage, signing_with, clock)
    except SigningRotatedError as error:
        raise RotationError(str(error)) from error
    return f"The key {key.id} signs within five minutes; the one before is answered as well for a week."


def main(arguments: Sequence[str] | None = None, stdin: TextIO = sys.stdin) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.rotate", description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    operator_key = kinds.add_parser("operator-key", help="a key that callers show, in the stage's secret")
    operator_key.add_argument("--stage", required=True)
    operator_key.add_argument("--key", choices=SECRET_KEYS, default="MASTER_KEY")
    operator_key.add_argument("--stdin", action="store_true", help="take the new value from a line of standard input")
    how_long = operator_key.add_mutually_exclusive_group()
    how_long.add_argument("--overlap-minutes", type=int, default=OVERLAP // timedelta(minutes=1))
    how_long.add_argument("--revoke", action="store_true", help="no overlap: the value before is known to strangers")
    data_key = kinds.add_parser("data-key", help="the key that seals secrets in the tables")
    data_key.add_argument("--stage", required=True)
    step = data_key.add_mutually_exclusive_group()
    step.add_argument("--resume", action="store_true", help="make no new key, only go on sealing with the newest")
    step.add_argument("--drop", action="store_true", help="drop the older keys, where nothing is left of them")
    signing_key = kinds.add_parser("signing-key", help="the key that signs webhooks of hosted nodes")
    signing_key.add_argument("--stage", required=True)
    asked = parser.parse_args(arguments)
    try:
        of_kind = {"data-key": _data_key, "signing-key": _signing_key}.get(asked.kind)
        print(of_kind(asked) if of_kind else _operator_key(asked, stdin))
    except (RotationError, ValueError, BotoCoreError, ClientError) as error:
        print(f"infra.rotate: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
