"""Rows of roles and policies: keys and attribute names. A tenant has few of them, in one partition each."""

import json
from collections.abc import Sequence

from chalicelib.cloud.gone import remove_chunk
from chalicelib.cloud.roles.model import Policy, Role
from chalicelib.kit.tables import Delete, Equals, Item, Key, Put, Query, Ref, Table, Tables, Value, Write, put_new

ROLES = Table("tenant_roles", partition="listing", sort="name", tenanted=True)
"""By name, so that a tenant has one role of a name."""

POLICIES = Table("tenant_policies", partition="listing", sort="id", tenanted=True)
"""Each policy has a second row in a partition of its name, so that a tenant has one policy of a name."""

_ROLES, _POLICIES = "roles", "policies"
_NAMED = "name#"


class RoleStore:
    """Roles and policies of one tenant, on its scoped `Tables`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def roles(self) -> list[Role]:
        """All that are stored, by name."""
        pages = self._tables.pages(Query(ROLES, _ROLES, consistent=True))
        return [_role(row) for page in pages for row in page.items]

    def role(self, name: str) -> Role | None:
        """The role of that name."""
        row = self._tables.get(ROLES, _role_key(name))
        return None if row is None else _role(row)

    def policies(self) -> list[Policy]:
        """All, the oldest first."""
        pages = self._tables.pages(Query(POLICIES, _POLICIES, consistent=True))
        return [_policy(row) for page in pages for row in page.items]

    def policy(self, policy_id: str) -> Policy | None:
        """The policy of that id."""
        row = self._tables.get(POLICIES, _policy_key(policy_id))
        return None if row is None else _policy(row)

    def granted(self, role: str | None, policy_ids: Sequence[str]) -> tuple[Role | None, list[Policy]]:
        """A role by its name, and the policies of these ids that there are. One call."""
        refs = [Ref(POLICIES, _policy_key(policy_id)) for policy_id in policy_ids]
        named = [] if role is None else [Ref(ROLES, _role_key(role))]
        rows = self._tables.get_many([*refs, *named])
        found = [_policy(row) for row in rows[: len(refs)] if row is not None]
        role_row = rows[-1] if named else None
        return None if role_row is None else _role(role_row), found


def empty_chunk(tables: Tables, cursor: str | None) -> str | None:
    """Remove the next roles and policies of a deleted tenant, on its view; returns the cursor of the next chunk if
    there are more."""
    roles, policies = Query(ROLES, _ROLES, consistent=True), Query(POLICIES, _POLICIES, consistent=True)
    following = remove_chunk(tables, roles, cursor)
    return following or remove_chunk(tables, policies, cursor, _name_of)


def _name_of(row: Item) -> list[Write]:
    return [Delete(POLICIES, _name_key(str(row["name"])))]


def put_role(role: Role) -> Put:
    """A new role; fails if the name is taken."""
    return put_new(ROLES, {**_role_item(role)})


def replace_role(old: Role, new: Role) -> Put:
    """The role with other values; fails if it has changed since."""
    return Put(ROLES, _role_item(new), Equals("version", old.version))


def delete_role(role: Role) -> Delete:
    """The role is gone; fails if it has changed since."""
    return Delete(ROLES, _role_key(role.name), Equals("version", role.version))


def put_policy(policy: Policy) -> list[Put]:
    """A new policy; the first write fails if the name is taken."""
    return [put_new(POLICIES, _name_item(policy.name)), put_new(POLICIES, _policy_item(policy))]


def replace_policy(old: Policy, new: Policy) -> list[Put | Delete]:
    """The policy with other values. The first write fails if it has changed since, the second if the new name is
    taken."""
    whole = Put(POLICIES, _policy_item(new), Equals("version", old.version))
    if old.name == new.name:
        return [whole]
    return [whole, put_new(POLICIES, _name_item(new.name)), Delete(POLICIES, _name_key(old.name))]


def delete_policy(policy: Policy) -> list[Delete]:
    """The policy is gone, and its name is free; fails if it has changed since."""
    own = Delete(POLICIES, _policy_key(policy.id), Equals("version", policy.version))
    return [own, Delete(POLICIES, _name_key(policy.name))]


def _role(row: Item) -> Role:
    return Role.model_validate(row)


def _policy(row: Item) -> Policy:
    return Policy.model_validate({**row, "statements": json.loads(str(row["statements"]))})


def _role_item(role: Role) -> Item:
    permissions: list[Value] = [*role.permissions]
    return {**role.model_dump(exclude={"version", "permissions"}), "permissions": permissions, "listing": _ROLES}


def _policy_item(policy: Policy) -> Item:
    own: Item = {**policy.model_dump(exclude={"version", "statements"}), "statements": policy.text()}
    return {**own, "listing": _POLICIES}


def _name_item(name: str) -> Item:
    return {**_name_key(name)}


def _role_key(name: str) -> Key:
    return {"listing": _ROLES, "name": name}


def _policy_key(policy_id: str) -> Key:
    return {"listing": _POLICIES, "id": policy_id}


def _name_key(name: str) -> Key:
    return {"listing": f"{_NAMED}{name}", "id": "-"}
