"""The members of a customer over HTTP."""

import pytest

from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.identity.model import User
from chalicelib.platform.identity.user_store import OWNER, put_member, put_user
from tests.support.operations.machines import MachinesScene


def joined(scene, tenant, number, role="viewer"):
    """A user that has joined the customer in a role."""
    now, at = scene.world.clock.now(), "2026-11-21T10:00:00Z"
    user = User(
        id=f"01a1fd8c-0000-7000-8000-{number:012}",
        email=f"user-{number}@example.com",
        alias=f"user-{number}",
        full_name="A User",
        tenant=tenant,
        inserted_at=at,
        updated_at=at,
    )
    scene.world.platform.tables.commit([*put_user(user), put_member(tenant, user.id, role, now)], "test.joined")
    return user.id


@pytest.fixture
def scene():
    return MachinesScene()


def test_members_are_listed_by_page_with_their_roles(scene):
    ids = [joined(scene, "acme", number, OWNER if number == 1 else "viewer") for number in range(12)]
    joined(scene, "umbrella", 12)
    key = scene.world.key_with(role=KeyRole.OPERATOR, tenant="acme")
    first = scene.request("list_customer_members", key=key).json
    second = scene.request("list_customer_members", key=key, query={"page": 2}).json

    assert (first["pages"], first["items"], len(first["members"])) == (2, 12, 10)
    assert [one["userID"] for one in [*first["members"], *second["members"]]] == ids
    assert [one["role"] for one in first["members"]] == ["user", "owner", *["user"] * 8]
    assert first["members"][1] == {
        "roleID": ids[1],
        "userID": ids[1],
        "role": "owner",
        "email": "user-1@example.com",
        "joinedAt": "2026-11-21T10:00:00Z",
    }


def test_customer_without_users_has_no_members(scene):
    assert scene.request("list_customer_members").json == {"pages": 0, "items": 0, "members": []}
