"""The parts that tell callers: keys of the settings, named keys, and users with their sessions."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.kit.aws import is_local

if TYPE_CHECKING:
    from chalicelib.platform.access.api_keys import ApiKeys
    from chalicelib.platform.access.guests import Guests
    from chalicelib.platform.access.hashing import SecretHashes
    from chalicelib.platform.access.identities import Identities
    from chalicelib.platform.access.keys import OperatorKeys
    from chalicelib.platform.access.named_keys import NamedKeys
    from chalicelib.platform.access.stage_secret import StageSecret
    from chalicelib.platform.access.standing import StandingPrincipals
    from chalicelib.platform.identity.wiring import Identity
    from chalicelib.platform.limits.wrong_keys import WrongKeys
    from chalicelib.platform.mail.model import Mailer
    from chalicelib.platform.wiring import Platform


class Callers:
    """Parts of the ``platform`` by name. ``read_secret`` gives the text of a secret of Secrets Manager, ``mailer`` what
    sends mails."""

    def __init__(self, platform: Platform, read_secret: Callable[[str], str], mailer: Callable[[], Mailer]) -> None:
        self._platform = platform
        self._read_secret = read_secret
        self._mailer = mailer

    @cached_property
    def stage_secret(self) -> StageSecret:
        from chalicelib.platform.access.stage_secret import StageSecret

        return StageSecret(
            self._platform.settings.keys_secret_arn, self._read_secret, self._platform.clock, self._platform.log
        )

    @cached_property
    def keys(self) -> OperatorKeys:
        from chalicelib.platform.access.keys import SHORTEST_KEY, load_keys

        settings = self._platform.settings
        return load_keys(
            settings.master_key,
            settings.api_key,
            settings.metrics_key,
            self.stage_secret,
            self._platform.clock,
            self._platform.log,
            shortest=0 if is_local() else SHORTEST_KEY,
        )

    @cached_property
    def identities(self) -> Identities:
        from chalicelib.platform.access.identities import Identities

        return Identities(self.keys, lambda: self.named_keys, self.wrong_keys, lambda: self.identity.sessions)

    @cached_property
    def guests(self) -> Guests | None:
        """The guests of the families of this deployment, if one of them has tenants with accounts."""
        family = next((each for each in self._platform.families.each if each.guests), None)
        if family is None:
            return None
        found: Guests = getattr(self._platform.container_of(family), family.guests)
        return found

    @cached_property
    def named_keys(self) -> NamedKeys:
        from chalicelib.platform.access.named_keys import NamedKeys
        from chalicelib.platform.access.store import ApiKeyStore

        uses = ApiKeyStore(self._platform.patient_tables(0))
        return NamedKeys(
            ApiKeyStore(self._platform.tables), uses, self.secret_hashes, self._platform.clock, self._platform.log
        )

    @cached_property
    def standing(self) -> StandingPrincipals:
        from chalicelib.platform.access.standing import StandingPrincipals
        from chalicelib.platform.access.store import ApiKeyStore

        return StandingPrincipals(ApiKeyStore(self._platform.tables), self._platform.clock)

    @cached_property
    def secret_hashes(self) -> SecretHashes:
        from chalicelib.platform.access.hashing import SecretHashes
        from chalicelib.platform.access.store import API_KEYS

        return SecretHashes(self._platform.sealer, self._platform.ids, API_KEYS)

    @cached_property
    def api_keys(self) -> ApiKeys:
        from chalicelib.platform.access.api_keys import ApiKeys
        from chalicelib.platform.access.store import ApiKeyStore

        return ApiKeys(
            ApiKeyStore(self._platform.tables),
            self.secret_hashes,
            self._platform.clock,
            self._platform.ids,
            lists=self._platform.lists,
            permissions=lambda: self._platform.families.permissions,
        )

    @cached_property
    def wrong_keys(self) -> WrongKeys:
        from chalicelib.platform.limits.wrong_keys import WrongKeys

        return WrongKeys(self._platform.clock)

    @cached_property
    def identity(self) -> Identity:
        from chalicelib.platform.identity.wiring import Identity

        return Identity(
            self._platform.tables,
            self._platform.clock,
            self._platform.ids,
            self._platform.log,
            sealer=lambda: self._platform.sealer,
            keys=lambda: self.api_keys,
            mailer=self._mailer,
            default_tier=self._platform.settings.default_tier,
        )
