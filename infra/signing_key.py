"""Another asymmetric key of KMS in the place of the one that signs: KMS cannot rotate such a key by itself."""

from collections.abc import Callable
from typing import Any

from chalicelib.kit.clock import Clock
from chalicelib.platform.signing.keys import KmsKeys
from chalicelib.platform.signing.model import PrivateKeys, PublicKey
from chalicelib.platform.signing.service import Signing
from chalicelib.platform.signing.store import WEBHOOKS
from infra.functions import APP_NAME

DELETION_DAYS = 7
"""The shortest wait that KMS allows before it deletes a key (API reference, "ScheduleKeyDeletion")."""

ALIAS_SECONDS = 300
"""The longest time until an alias changes what its key permits (KMS developer guide, "Use aliases to control access to
KMS keys")."""


def rotate_signing_key(kms: Any, stage: str, signing_with: Callable[[PrivateKeys], Signing], clock: Clock) -> PublicKey:
    """Make a key, wait until its alias lets the functions use it, and sign with it from then on. Raises
    `RotatedMeanwhileError`, and whatever else prevents the rotation, after the new key is scheduled for deletion."""
    made = kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY", Description=f"{APP_NAME}-{stage}-signatures")
    key = made["KeyMetadata"]
    try:
        alias = f"alias/{APP_NAME}-{stage}-signing-{key['KeyId'].partition('-')[0]}"
        kms.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
        clock.sleep(ALIAS_SECONDS)
        return signing_with(KmsKeys(lambda: kms, key["Arn"])).rotate(WEBHOOKS)
    except BaseException:
        kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=DELETION_DAYS)
        raise
