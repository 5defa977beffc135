"""The parts of `ssh`."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.fleet.ssh.group_users import SshGroupUsers
    from chalicelib.fleet.ssh.keyring import SshPublicKeys
    from chalicelib.fleet.ssh.revoking import Revoking
    from chalicelib.fleet.ssh.service import SshUsernames
    from chalicelib.fleet.ssh.sessions import Sessions
    from chalicelib.fleet.ssh.verifying import Verifier
    from chalicelib.fleet.wiring import Fleet
    from chalicelib.platform.access.passwords import Passwords


class SshParts:
    """User names and public keys of nodes, users of groups, what checks logins and open
    sessions against them."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._platform = fleet.platform

    @cached_property
    def usernames(self) -> SshUsernames:
        from chalicelib.fleet.ssh.service import SshUsernames

        return SshUsernames(
            self._platform.tables,
            self._platform.clock,
            nodes=self._fleet.nodes.reading,
            clusters=self._fleet.clusters,
            passwords=self.passwords,
            lists=self._platform.lists,
        )

    @cached_property
    def public_keys(self) -> SshPublicKeys:
        from chalicelib.fleet.ssh.keyring import SshPublicKeys

        return SshPublicKeys(
            self._platform.tables,
            self._platform.clock,
            usernames=self.usernames,
            nodes=self._fleet.nodes.reading,
            clusters=self._fleet.clusters,
            lists=self._platform.lists,
        )

    @cached_property
    def group_users(self) -> SshGroupUsers:
        from chalicelib.fleet.ssh.group_users import SshGroupUsers

        return SshGroupUsers(
            self._platform.tables,
            self._platform.clock,
            clusters=self._fleet.clusters,
            passwords=self.passwords,
            lists=self._platform.lists,
        )

    @cached_property
    def revoking(self) -> Revoking:
        from chalicelib.fleet.ssh.revoking import Revoking

        return Revoking(
            self._platform.tables,
            self._platform.clock,
            nodes=self._fleet.nodes.reading,
            usernames=self.usernames,
            public_keys=self.public_keys,
            group_users=self.group_users,
        )

    @cached_property
    def verifier(self) -> Verifier:
        from chalicelib.fleet.ssh.verifying import Verifier

        platform = self._platform
        return Verifier(platform.tables, platform.clock, events=platform.events, passwords=self.passwords)

    @cached_property
    def sessions(self) -> Sessions:
        from chalicelib.fleet.ssh.sessions import Sessions

        return Sessions(self._platform.tables)

    @cached_property
    def passwords(self) -> Passwords:
        from chalicelib.platform.access.passwords import Argon2Passwords

        return Argon2Passwords(self._platform.ids.token_bytes)
