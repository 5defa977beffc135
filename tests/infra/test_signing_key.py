"""Rotation of the key that signs webhooks."""

import pytest

from chalicelib.kit.crypto import Sealer
from chalicelib.kit.data_keys import DATA_KEYS
from chalicelib.kit.tables import Tables
from chalicelib.platform.signing.keys import KmsKeys
from chalicelib.platform.signing.service import RotatedMeanwhileError, Signing
from chalicelib.platform.signing.store import SIGNING_KEYS, WEBHOOKS, PairStore
from infra.resolved import resolved
from infra.signing_key import ALIAS_SECONDS, rotate_signing_key
from infra.stateful import SIGNING_ALIAS
from tests.infra.places import US_EAST
from tests.support.fakes.aws import FakeKeyService, FakeKms
from tests.support.fakes.clock import FakeClock, FakeIds
from tests.support.fakes.dynamo import FakeDynamo


class Stage:
    def __init__(self) -> None:
        self.clock, self.ids, self.kms = FakeClock(), FakeIds(), FakeKms()
        self.tables = Tables(FakeDynamo([SIGNING_KEYS, DATA_KEYS], self.clock), self.clock, self.ids)
        self.first = self.kms.new_key()

    def signing_with(self, keys) -> Signing:
        sealer = Sealer(self.tables, FakeKeyService(), self.clock, self.ids, "dev")
        return Signing(PairStore(self.tables), keys, sealer, self.clock, self.ids)

    def container(self) -> Signing:
        """A function's, whose environment names the template's key."""
        return self.signing_with(KmsKeys(lambda: self.kms, self.first))


def test_after_a_rotation_functions_sign_with_a_key_that_their_policy_reaches() -> None:
    stage = Stage()
    before = stage.container().sign(WEBHOOKS, b"x")

    made = rotate_signing_key(stage.kms, "dev", stage.signing_with, stage.clock)

    after = stage.container()
    assert after.sign(WEBHOOKS, b"x").key_id == made.id
    assert [key.id for key in after.public_keys(WEBHOOKS)] == [made.id, before.key_id]
    [alias] = stage.kms.aliases
    template = {
        "Parameters": {"Stage": {"Type": "String"}},
        "Resources": {"one": {"Type": "any", "Properties": {"Name": {"Fn::Sub": SIGNING_ALIAS}}}},
    }
    of_stage = resolved(template, {"Stage": "dev"}, US_EAST)["Resources"]["one"]["Properties"]["Name"]
    assert alias.startswith(f"{of_stage}-")
    assert not stage.kms.ending


def test_a_rotated_key_signs_only_after_its_alias_is_known_everywhere() -> None:
    stage = Stage()
    stage.container().sign(WEBHOOKS, b"x")
    aliased: list[float] = []

    def noted(keys) -> Signing:
        aliased.extend(stage.clock.pauses if stage.kms.aliases else ())
        return stage.signing_with(keys)

    rotate_signing_key(stage.kms, "dev", noted, stage.clock)

    assert sum(aliased) == ALIAS_SECONDS


def test_a_rotation_that_fails_leaves_no_key() -> None:
    stage = Stage()
    stage.container().sign(WEBHOOKS, b"x")

    class Refusing(Signing):
        def rotate(self, purpose: str):
            raise RotatedMeanwhileError(purpose)

    def refusing(keys) -> Signing:
        sealer = Sealer(stage.tables, FakeKeyService(), stage.clock, stage.ids, "dev")
        return Refusing(PairStore(stage.tables), keys, sealer, stage.clock, stage.ids)

    with pytest.raises(RotatedMeanwhileError):
        rotate_signing_key(stage.kms, "dev", refusing, stage.clock)

    [made] = stage.kms.aliases.values()
    assert stage.kms.ending == [made]
