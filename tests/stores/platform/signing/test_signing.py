"""Signatures with sealed keys on the fake and on the emulator, and with keys of KMS: the fake's and the emulator's. The
receiver verifies them with `cryptography` alone."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from chalicelib.kit.crypto import Sealer
from chalicelib.kit.data_keys import DATA_KEYS
from chalicelib.kit.tables import Tables
from chalicelib.platform.signing.keys import KmsKeys, SealedKeys
from chalicelib.platform.signing.model import PrivateKeys
from chalicelib.platform.signing.service import FRESH, RELIED_ON, RotatedMeanwhileError, Signing
from chalicelib.platform.signing.store import SIGNING_KEYS, WEBHOOKS, PairStore
from tests.support.drivers import emulated
from tests.support.fakes.aws import FakeKeyService, FakeKms
from tests.support.fakes.clock import FakeClock, FakeIds
from tests.support.fakes.dynamo import FakeDynamo

TABLES = [SIGNING_KEYS, DATA_KEYS]


@dataclass
class Stage:
    """``keys`` makes what signs in a container; with KMS each call has another key, as after a rotation there."""

    tables: Tables
    clock: FakeClock
    sealer: Sealer
    keys: Callable[[], PrivateKeys]
    ids: FakeIds

    def container(self) -> Signing:
        return Signing(PairStore(self.tables), self.keys(), self.sealer, self.clock, self.ids)

    def pass_time(self, span: timedelta) -> None:
        self.clock.advance(span.total_seconds())


@pytest.fixture(params=["sealed-fake", "sealed-emulator", "kms-fake", "kms-emulator"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    kind, _, place = request.param.partition("-")
    clock, ids = FakeClock(), FakeIds()

    def on(driver) -> Stage:
        tables = Tables(driver, clock, ids)
        sealer = Sealer(tables, FakeKeyService(), clock, ids, "test")
        if kind == "sealed":
            return Stage(tables, clock, sealer, lambda: SealedKeys(sealer), ids)
        if place == "fake":
            kms = FakeKms()
            return Stage(tables, clock, sealer, lambda: KmsKeys(lambda: kms, kms.new_key()), ids)
        client = request.getfixturevalue("emulator").client("kms")

        def of_emulator() -> KmsKeys:
            made = client.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
            return KmsKeys(lambda: client, made["KeyMetadata"]["Arn"])

        return Stage(tables, clock, sealer, of_emulator, ids)

    if place == "fake":
        yield on(FakeDynamo(TABLES, clock))
        return
    with emulated(request, TABLES) as driver:
        yield on(driver)


def verifies(pem: str, signature: bytes, message: bytes) -> bool:
    """A receiver's check, as Node's ``createVerify('RSA-SHA256')`` makes it."""
    key = load_pem_public_key(pem.encode())
    assert isinstance(key, RSAPublicKey)
    try:
        key.verify(signature, message, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def test_a_signature_is_verified_with_the_public_key_and_by_no_other_text(stage: Stage) -> None:
    signing = stage.container()

    signature = signing.sign(WEBHOOKS, b"hello" * 2000)

    [key] = signing.public_keys(WEBHOOKS)
    assert key.id == signature.key_id
    assert verifies(key.pem, signature.value, b"hello" * 2000)
    assert not verifies(key.pem, signature.value, b"hullo" * 2000)


def test_containers_that_begin_at_once_sign_with_one_key(stage: Stage) -> None:
    one, other = stage.container(), stage.container()

    signatures = [one.sign(WEBHOOKS, b"x"), other.sign(WEBHOOKS, b"x")]

    [key] = other.public_keys(WEBHOOKS)
    assert all(verifies(key.pem, each.value, b"x") for each in signatures)


def test_after_a_rotation_both_keys_are_answered_for_a_week(stage: Stage) -> None:
    before = stage.container()
    old = before.sign(WEBHOOKS, b"before")

    new_key = stage.container().rotate(WEBHOOKS)

    stage.pass_time(timedelta(seconds=1))
    late = before.sign(WEBHOOKS, b"late")
    keys = before.public_keys(WEBHOOKS)
    assert [each.id for each in keys] == [new_key.id, old.key_id]
    assert late.key_id == old.key_id, "a container goes on for a while"
    assert verifies(keys[1].pem, old.value, b"before")
    assert verifies(keys[1].pem, late.value, b"late")
    assert not verifies(keys[0].pem, old.value, b"before")

    stage.pass_time(FRESH)
    new = before.sign(WEBHOOKS, b"after")
    assert new.key_id == new_key.id
    assert verifies(keys[0].pem, new.value, b"after")

    stage.pass_time(RELIED_ON)
    assert [each.id for each in before.public_keys(WEBHOOKS)] == [new_key.id]


def test_a_rotation_beside_another_is_refused_and_changes_nothing(stage: Stage) -> None:
    signing = stage.container()
    signing.sign(WEBHOOKS, b"x")
    rival = stage.container()
    store = PairStore(stage.tables)
    replace = store.replace

    def after_the_rival(old, new) -> bool:
        rival.rotate(WEBHOOKS)
        return replace(old, new)

    store.replace = after_the_rival  # type: ignore[method-assign]
    slow = Signing(store, stage.keys(), stage.sealer, stage.clock, stage.ids)

    with pytest.raises(RotatedMeanwhileError):
        slow.rotate(WEBHOOKS)

    assert len(signing.public_keys(WEBHOOKS)) == len(("the rival's", "the first"))


def test_a_key_does_not_take_its_own_place(stage: Stage) -> None:
    keys = stage.keys()
    made = keys.make()
    keys.make = lambda: made  # type: ignore[method-assign]
    signing = Signing(PairStore(stage.tables), keys, stage.sealer, stage.clock, stage.ids)
    [key] = signing.public_keys(WEBHOOKS)

    with pytest.raises(ValueError, match="is the same"):
        signing.rotate(WEBHOOKS)

    assert signing.public_keys(WEBHOOKS) == [key]


def test_the_private_key_is_in_no_representation_and_not_in_clear_in_the_row(stage: Stage) -> None:
    stage.container().sign(WEBHOOKS, b"x")

    pair = PairStore(stage.tables).find(WEBHOOKS)

    assert pair is not None
    row = stage.tables.get(SIGNING_KEYS, {"id": WEBHOOKS})
    assert "private_sealed" not in repr(pair)
    assert b"PRIVATE KEY" not in repr(row).encode()
    assert "PRIVATE KEY" not in repr(stage.keys().make())
    assert bool(pair.kms_key) != bool(pair.private_sealed)
