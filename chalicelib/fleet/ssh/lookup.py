"""The rows on which a login to a node depends: its accounts, and when access was taken away."""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.fleet.nodes.model import Node
from chalicelib.fleet.ssh.group_model import GroupUser, Person
from chalicelib.fleet.ssh.group_store import (
    group_user_ref,
    groups_of,
    latest_revocation,
    revocation_ref,
    user_from_item,
)
from chalicelib.fleet.ssh.model import SshUsername
from chalicelib.fleet.ssh.store import username_from_item, username_id, username_ref
from chalicelib.kit.tables import Item, Ref


@dataclass(frozen=True)
class Standing:
    """The accounts of a user name from the narrowest to the widest. ``name_revoked_at`` and ``key_revoked_at`` are when
    name and key last lost access, an empty text if never."""

    accounts: list[SshUsername | GroupUser]
    name_revoked_at: str
    key_revoked_at: str


class Lookup:
    """The rows of a user name on a node, and of the key of a fingerprint if one is given. `refs` are to be read in one
    call, and `standing` is told by the rows that are found for them."""

    def __init__(self, node: Node, username: str, fingerprint: str) -> None:
        self._username = username
        clusters = (None, node.cluster_id)
        groups = groups_of(node.cluster_id, node.labels.items())
        own = username_ref(username_id(node.id, node.inserted_at, username))
        self._accounts = [own, *(group_user_ref(group, username) for group in groups)]
        self._names = [revocation_ref(Person(username=username), cluster_id) for cluster_id in clusters]
        key = Person(fingerprint=fingerprint)
        self._keys = [revocation_ref(key, cluster_id) for cluster_id in clusters] if fingerprint else []

    @property
    def refs(self) -> list[Ref]:
        return [*self._accounts, *self._names, *self._keys]

    def standing(self, rows: Sequence[Item | None]) -> Standing:
        """``rows`` are those of `refs`, in their order."""
        mine, *of_groups = rows[: len(self._accounts)]
        revoked = rows[len(self._accounts) :]
        accounts: list[SshUsername | GroupUser] = [] if mine is None else [username_from_item(mine)]
        accounts += [user_from_item(row) for row in of_groups if row is not None]
        return Standing(
            # Ids are only hashes of names.
            [account for account in accounts if account.username == self._username],
            latest_revocation(revoked[: len(self._names)]),
            latest_revocation(revoked[len(self._names) :]),
        )
