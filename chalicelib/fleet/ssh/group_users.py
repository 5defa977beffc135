"""`SshGroupUsers`: user names for all nodes of a cluster, or for all with a label."""

from collections.abc import Sequence

from chalicelib.fleet.clusters.reached_lists import ReachedLists
from chalicelib.fleet.clusters.service import Clusters
from chalicelib.fleet.clusters.store import still_there
from chalicelib.fleet.reach import Reach
from chalicelib.fleet.ssh import group_store
from chalicelib.fleet.ssh.group_model import Credentials, Group, GroupKey, GroupUser, NewGroupUser
from chalicelib.fleet.ssh.group_store import ALL_GROUP_USERS, GROUP_USERS, GroupStore, group_user_id, user_from_item
from chalicelib.fleet.ssh.model import NewKey
from chalicelib.fleet.ssh.rules import check_keys, one_group_only
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.contended import write_current
from chalicelib.kit.errors import forbidden, found, invalid, not_found, taken, unavailable
from chalicelib.kit.listing import (
    LISTED_AT,
    Flag,
    IndexSource,
    Listing,
    ListPage,
    ListRequest,
    Lists,
    Moment,
    Text,
)
from chalicelib.kit.tables import ConditionFailedError, Tables, TransactionFailedError, Update, Write
from chalicelib.platform.access.passwords import Passwords

CLEAN_UP_USERS = 50
"""Users that one message of a clean-up removes."""

FIELDS = {
    "username": Text("username"),
    "cluster_name": Text("cluster_name"),
    "label": Text("label"),
    "has_password": Flag("has_password"),
    "inserted_at": Moment("inserted_at"),
    "updated_at": Moment("updated_at"),
}
"""The filters and orders of users of groups."""


class SshGroupUsers:
    """Users of groups are made, given other credentials, read and deleted."""

    def __init__(self, tables: Tables, clock: Clock, *, clusters: Clusters, passwords: Passwords, lists: Lists) -> None:
        self._tables = tables
        self._clock = clock
        self._clusters = clusters
        self._passwords = passwords
        self._lists = ReachedLists(lists, clusters.within)
        self._store = GroupStore(tables)
        in_clusters = IndexSource(
            index="by_group", by="cluster_name", partitions=self._groups_of_clusters, insertion=LISTED_AT
        )
        with_labels = IndexSource(
            index="by_group",
            by="label",
            partitions=lambda labels: [Group(label=one).key for one in labels],
            insertion=LISTED_AT,
        )
        self._list = Listing(GROUP_USERS, FIELDS, (in_clusters, with_labels, ALL_GROUP_USERS))

    def create(self, new: NewGroupUser, *, reach: Reach) -> GroupUser:
        """Create a user of a group with its credentials, all or none. Raises `EdgeError` (validation failed) unless
        exactly one group is named, for an unknown cluster, and for keys that must not be used, (forbidden) for a label
        if the caller is restricted to clusters, (conflict) for a name that the group already has or a repeated key
        name."""
        if (new.cluster_name is None) == (new.label is None):
            raise one_group_only()
        if new.label is not None and not reach.is_everywhere:
            raise forbidden()
        cluster = None if new.cluster_name is None else self._clusters.find(new.cluster_name)
        if new.cluster_name is not None and (cluster is None or not reach.includes(cluster.id)):
            raise invalid("cluster_name", "not found")
        now = to_seconds_text(self._clock.now())
        group = Group(cluster_id=None if cluster is None else cluster.id, label=new.label)
        user = GroupUser(
            id=group_user_id(group, new.username),
            group=group.key,
            cluster_id=group.cluster_id,
            cluster_name=new.cluster_name,
            label=new.label,
            username=new.username,
            password_hash=None if new.password is None else self._passwords.hash(new.password.reveal()),
            public_keys=_keys(new.public_keys, now),
            inserted_at=now,
            updated_at=now,
        )
        writes: list[Write] = [group_store.insert(user)]
        if cluster is not None:
            writes.append(still_there(cluster))
        try:
            self._tables.commit(writes, "ssh_group_user.created", result=user)
        except TransactionFailedError as error:
            raise (taken("username") if 0 in error.failed else invalid("cluster_name", "not found")) from error
        return user

    def get(self, row_id: str, *, reach: Reach) -> GroupUser:
        """Raises `EdgeError` (not found)."""
        user = found(self._store.find(row_id))
        if not _is_within(user, reach):
            raise not_found()
        return user

    def list_page(self, request: ListRequest, *, reach: Reach) -> ListPage[GroupUser]:
        """One page; a caller who is restricted to clusters sees the users of these. Raises `EdgeError` (bad request)
        when the filters leave too much to read."""
        return self._lists.page(self._list, request, reach).map(user_from_item)

    def change(self, row_id: str, given: Credentials, *, reach: Reach) -> GroupUser:
        """Replace credentials: from now on only the new ones let the user in. Raises `EdgeError` (not found,
        validation failed, conflict, service unavailable)."""
        now = to_seconds_text(self._clock.now())
        keys = None if given.public_keys is None else _keys(given.public_keys, now)
        password_hash = None if given.password is None else self._passwords.hash(given.password.reveal())
        for _ in self._tables.tries():
            user = self.get(row_id, reach=reach)
            update = {
                "public_keys": user.public_keys if keys is None else keys,
                "password_hash": user.password_hash if given.keeps_password else password_hash,
                "updated_at": now,
            }
            changed = user.model_copy(update=update)
            try:
                self._tables.write(group_store.replace(changed), "ssh_group_user.changed")
            except ConditionFailedError:
                continue
            return changed
        raise unavailable()

    def delete(self, row_id: str, *, reach: Reach) -> None:
        """Delete a user: logins with it are refused from now on. Raises `EdgeError` (not found, service
        unavailable)."""
        self.remove(self.get(row_id, reach=reach))

    def remove(self, user: GroupUser) -> None:
        """Delete the row, retrying until it is gone."""
        write_current(self._tables, user, group_store.remove, user_from_item, "ssh_group_user.deleted")

    def drop_keys(self, user: GroupUser, fingerprint: str | None, until: str) -> None:
        """Take the keys of this fingerprint away that the user has had since this time (seconds text) or longer."""

        def without(current: GroupUser) -> Update | None:
            keys = current.public_keys
            kept = tuple(key for key in keys if key.fingerprint != fingerprint or key.inserted_at > until)
            return None if kept == keys else group_store.replace(current.model_copy(update={"public_keys": kept}))

        write_current(self._tables, user, without, user_from_item, "ssh_group_user.key_dropped")

    def clean_up_chunk(self, cluster_id: str, _after: str | None) -> str | None:
        """Delete users of a deleted cluster; returns a cursor while there may be more, None at the end."""
        users, last = self._store.page_of_group(Group(cluster_id=cluster_id), CLEAN_UP_USERS)
        for user in users:
            self.remove(user)
        return last

    def _groups_of_clusters(self, names: tuple[str, ...]) -> list[str]:
        return [Group(cluster_id=cluster.id).key for cluster in self._clusters.find_many(names)]


def _is_within(user: GroupUser, reach: Reach) -> bool:
    """A label reaches nodes of any cluster: who is restricted to some does not see its users."""
    return reach.is_everywhere if user.cluster_id is None else reach.includes(user.cluster_id)


def _keys(given: Sequence[NewKey], now: str) -> tuple[GroupKey, ...]:
    return tuple(
        GroupKey(key_name=key.key_name, public_key=key.public_key, fingerprint=key.fingerprint, inserted_at=now)
        for key in check_keys(given)
    )
