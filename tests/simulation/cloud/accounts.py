"""Users: they register, log in, forget passwords and leave, some at once; each address is one user's, and a token is
used once."""

from collections import Counter

from chalicelib.cloud.accounts.store import PASSWORDS
from chalicelib.kit.tables import Set, Update
from chalicelib.platform.access import key_text
from chalicelib.platform.access.store import API_KEYS, FORGOTTEN
from chalicelib.platform.identity.user_store import ADDRESSES, MEMBERS, USERS
from chalicelib.platform.identity.verification_store import VERIFICATIONS
from tests.simulation.cloud.people import (
    EVERYBODY,
    INVITATION,
    MOSTLY,
    OTHER_PASSWORD,
    PASSWORD,
    REGISTRATION,
    RESET,
    ask,
    mailed,
    people,
    some_caller,
)
from tests.simulation.cloud.standing import Caller
from tests.simulation.scene import Scene, Simulation
from tests.simulation.together import beside
from tests.support.fakes.dynamo import Plan

KEPT_OF_A_USER = {"id", "deleted_at", "updated_at", "inserted_at", "version", "changed_by"}


def _somebody(scene: Scene) -> str:
    return scene.rng.choice(EVERYBODY)


def _a_password(scene: Scene) -> str:
    return PASSWORD if scene.rng.random() < MOSTLY else OTHER_PASSWORD


def _sent(scene: Scene, method: str, path: str, **body: str) -> dict[str, object]:
    address = f"203.0.113.{scene.rng.randrange(1, 200)}"
    by = Caller("", address=address)
    answer = ask(scene, by, method, path, json=body)
    return dict(answer.data) if answer.text and answer.json.get("data") else {}


def register(scene: Scene) -> None:
    """Somebody asks to become a user, and confirms it by the mail if it comes in time."""
    address = _somebody(scene)
    _sent(scene, "POST", "/auth/register", email=address, password=PASSWORD, name=address.partition("@")[0])
    scene.wait(scene.rng.uniform(1, 60))
    confirm_registration(scene, address)


def confirm_registration(scene: Scene, address: str = "") -> None:
    address = address or _somebody(scene)
    _sent(scene, "POST", "/auth/verify", token=mailed(scene, address, REGISTRATION), password=PASSWORD)
    log_in(scene, address)


def confirm_twice(scene: Scene) -> None:
    """Two people, or one in two windows, confirm by what was mailed to an address."""
    address = _somebody(scene)
    beside(scene, confirm_registration, confirm_registration, address=address)


def register_by_invitation(scene: Scene, address: str = "") -> None:
    address = address or _somebody(scene)
    token = mailed(scene, address, INVITATION)
    body = {"email": address, "password": PASSWORD, "name": address.partition("@")[0], "invitation_token": token}
    _sent(scene, "POST", "/auth/register", **body)
    log_in(scene, address)


def log_in(scene: Scene, address: str = "") -> None:
    address = address or _somebody(scene)
    before = _users_of(scene, address)
    given = _sent(scene, "POST", "/auth/login", email=address, password=_a_password(scene))
    known = [*before, *_users_of(scene, address)]  # who registers or leaves meanwhile is in one of them
    remember_key(scene, str(given["api_key"]), known[0] if known else "")


def _users_of(scene: Scene, address: str) -> list[str]:
    return [str(row["user_id"]) for row in scene.rows(ADDRESSES) if row["email"] == address]


def remember_key(scene: Scene, text: str, user: str) -> None:
    """Keep a key that was shown; its id follows from its text."""
    parsed = key_text.parse(text)
    assert parsed is not None
    people(scene).keys.append(Caller(text, key_id=parsed.id, user=user))


def forget_password(scene: Scene) -> None:
    address = _somebody(scene)
    _sent(scene, "POST", "/auth/forgot-password", email=address)
    scene.wait(scene.rng.uniform(1, 60))
    beside(scene, *[reset_password] * scene.rng.choice((1, 2, 2, 2)), address=address)


def reset_password(scene: Scene, address: str) -> None:
    token = mailed(scene, address, RESET)
    _sent(scene, "POST", "/auth/reset-password", token=token, new_password=_a_password(scene))


def _use_key(scene: Scene, by: Caller) -> None:
    ask(scene, by, "GET", "/auth/keys", needs="identity:read")


def _make_key(scene: Scene, by: Caller) -> None:
    made = ask(scene, by, "POST", "/auth/keys", needs="identity:create", json={"name": "of one who leaves"})
    remember_key(scene, made.data["key"], by.user)


def log_in_again(scene: Scene, by: Caller) -> None:
    """The user logs in once more, from wherever."""
    address = next((str(row["email"]) for row in scene.rows(ADDRESSES) if row["user_id"] == by.user), "")
    log_in(scene, address)


def delete_user(scene: Scene) -> None:
    """A user leaves; somebody uses its keys meanwhile."""
    by = some_caller(scene)
    beside(scene, _use_key, _make_key, log_in_again, by=by)
    ask(scene, by, "DELETE", "/auth/me")
    with scene.holding("who_left_is_gone"):
        rows = [row for row in scene.rows(USERS) if row["id"] == by.user]
        assert "deleted_at" in rows[0], f"{by.user} has left, and is there"


# -- what holds ------------------------------------------------------------------------------------------------------


class _Used:
    """How often each token was used."""

    def __init__(self) -> None:
        self.times: Counter[str] = Counter()


def a_token_is_used_once(scene: Scene, _operation: str, plan: Plan) -> None:
    """Two uses within one second leave the same row: the writes are counted."""
    for write, _key, _old, new in plan:
        if write.table is VERIFICATIONS and isinstance(write, Update) and new is not None and _uses(write):
            times = scene.recall(_Used).times
            times[str(new["id"])] += 1
            assert times[str(new["id"])] == 1, f"the token {new['id']} was used twice"


def _uses(write: Update) -> bool:
    return any(isinstance(change, Set) and change.name == "used_at" for change in write.changes)


def each_address_is_one_users(scene: Scene) -> None:
    """Each user has its address, and a place where it works; each address has its user."""
    users = {str(row["id"]): row for row in scene.rows(USERS) if "deleted_at" not in row}
    addresses = {str(row["email"]): str(row["user_id"]) for row in scene.rows(ADDRESSES)}
    of_users = {str(row["email"]): user_id for user_id, row in users.items()}
    assert addresses == of_users, f"addresses are of {addresses}, users have {of_users}"
    passwords = {str(row["id"]) for row in scene.rows(PASSWORDS)}
    assert passwords == set(users), f"passwords without users, or the reverse: {passwords ^ set(users)}"


def nothing_is_left_of_users_who_left(scene: Scene) -> None:
    """But its id, and the ids of its keys, without names or times of use."""
    gone = {str(row["id"]): row for row in scene.rows(USERS) if "deleted_at" in row}
    for user_id, row in gone.items():
        assert set(row) <= KEPT_OF_A_USER, f"{user_id} has left, and its row has {sorted(set(row) - KEPT_OF_A_USER)}"
    places = [row for row in scene.rows(MEMBERS) if row["user_id"] in gone]
    assert not places, f"a user who left has a place: {places}"
    for key in scene.rows(API_KEYS):
        if key.get("user") in gone and key.get("owner"):
            is_forgotten = key["name"] == FORGOTTEN and "last_used_at" not in key and "revoked_at" in key
            assert is_forgotten, f"the key {key['id']} of a user who left says {key['name']}"


SIMULATION = Simulation(
    operations=(
        *(register, register, confirm_registration, confirm_twice, register_by_invitation),
        *(log_in, log_in, log_in, forget_password, delete_user),
    ),
    invariants=(each_address_is_one_users, nothing_is_left_of_users_who_left),
    watches=(a_token_is_used_once,),
    promises=("who_left_is_gone",),
)
