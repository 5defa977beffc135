"""`Revoking`: takes a person's access away, on every node at once."""

from collections.abc import Iterable

from chalicelib.fleet.nodes.reading import NodeReader
from chalicelib.fleet.reach import Reach
from chalicelib.fleet.ssh import group_store
from chalicelib.fleet.ssh.group_model import GroupUser, Person
from chalicelib.fleet.ssh.group_store import GroupStore
from chalicelib.fleet.ssh.group_users import SshGroupUsers
from chalicelib.fleet.ssh.keyring import SshPublicKeys
from chalicelib.fleet.ssh.rules import one_person_only
from chalicelib.fleet.ssh.service import SshUsernames
from chalicelib.fleet.ssh.store import OnNode, SshStore
from chalicelib.kit import tasks
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.cursors import StepCursor
from chalicelib.kit.errors import forbidden
from chalicelib.kit.queues import Message
from chalicelib.kit.tables import TRANSACTION_LIMIT, Tables

TASK = "ssh_revocation"
"""The kind of the task; its subject is the id of the revocation's row."""

ROWS_PER_CHUNK = 20
"""Rows that one chunk deletes: a transaction each."""

_CLUSTERS_AT_ONCE = TRANSACTION_LIMIT // 2
_OF_NODES, _STEPS = 0, 2


class Revoking:
    """Notes until when credentials were made that are worth nothing: each login reads it, so that one write takes
    access away everywhere. A task then deletes what it is about. Both may be repeated."""

    def __init__(
        self,
        tables: Tables,
        clock: Clock,
        *,
        nodes: NodeReader,
        usernames: SshUsernames,
        public_keys: SshPublicKeys,
        group_users: SshGroupUsers,
    ) -> None:
        self._tables = tables
        self._clock = clock
        self._nodes = nodes
        self._usernames = usernames
        self._public_keys = public_keys
        self._group_users = group_users
        self._store = SshStore(tables)
        self._groups = GroupStore(tables)

    def revoke(self, person: Person, *, reach: Reach) -> None:
        """Refuse all logins with what has been made for this person up to this second, on all nodes within reach, also
        on those that join later; then delete it. Open sessions end when their agents next ask. Raises `EdgeError`
        (validation failed) unless exactly one of name and fingerprint is given, (forbidden) for a caller who reaches no
        cluster: nothing would be taken away."""
        if (person.username is None) == (person.fingerprint is None):
            raise one_person_only()
        if reach.cluster_ids is not None and not reach.cluster_ids:
            raise forbidden()
        clusters: list[str | None] = [None] if reach.cluster_ids is None else [*sorted(reach.cluster_ids)]
        for start in range(0, len(clusters), _CLUSTERS_AT_ONCE):
            self._note(person, clusters[start : start + _CLUSTERS_AT_ONCE])

    def chunk(self, message: Message) -> str | None:
        """Delete the next rows of a revocation; returns the next cursor, None at the end."""
        row = self._tables.get(group_store.REVOCATIONS, {"id": message["id"]})
        if row is None:
            return None
        scope, _, key = str(row["id"]).partition("#")
        cluster_id = None if scope == group_store.EVERYWHERE else scope
        here, person, until = StepCursor.parse(message.get("cursor")), Person.of_key(key), str(row["revoked_at"])
        work = self._on_nodes if here.step == _OF_NODES else self._in_groups
        following = here.after(work(person, cluster_id, until, here.within))
        return following.text() if following.step < _STEPS else None

    def _note(self, person: Person, clusters: Iterable[str | None]) -> None:
        now = self._clock.now()
        noted = [group_store.note_revoked(person, cluster_id, to_seconds_text(now)) for cluster_id in clusters]
        asked = [tasks.ask(TASK, str(each.key["id"]), now) for each in noted]
        self._tables.commit([*noted, *asked], "ssh_access.revoked")

    def _on_nodes(self, person: Person, cluster_id: str | None, until: str, after: str | None) -> str | None:
        found, last = self._store.made_for(person, after, ROWS_PER_CHUNK)
        old = [each for each in found if each.inserted_at <= until]
        for each in self._in_cluster(old, cluster_id):
            if person.username is None:
                self._public_keys.remove(each.id)
            else:
                self._usernames.remove(each.id)
        return last

    def _in_cluster(self, found: list[OnNode], cluster_id: str | None) -> list[OnNode]:
        if cluster_id is None:
            return found
        there = {
            node.id for node in self._nodes.find_many([each.node_id for each in found]) if node.cluster_id == cluster_id
        }
        return [each for each in found if each.node_id in there]

    def _in_groups(self, person: Person, cluster_id: str | None, until: str, after: str | None) -> str | None:
        users, last = self._groups.page_of_all(after, ROWS_PER_CHUNK)
        for user in users:
            # A label reaches nodes of other clusters too: its users lose access in this one by the revocation alone.
            if cluster_id in (None, user.cluster_id):
                self._take_away(user, person, until)
        return last

    def _take_away(self, user: GroupUser, person: Person, until: str) -> None:
        if person.username is None:
            self._group_users.drop_keys(user, person.fingerprint, until)
        elif user.username == person.username and user.inserted_at <= until:
            self._group_users.remove(user)
