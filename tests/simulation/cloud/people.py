"""The people and programs of the cloud in a history: their credentials, and their requests, each of which is judged.

While nothing changes that says what a caller may, its answer has to agree with `standing`: who may not is refused. A
request reaches the rows of its own tenant alone, and one that is refused has changed nothing.
"""

from typing import Any

from chalicelib.cloud.accounts.store import PASSWORDS
from chalicelib.cloud.api import API
from chalicelib.cloud.roles.store import POLICIES, ROLES
from chalicelib.cloud.service_accounts.store import ACCOUNTS, OWNERS
from chalicelib.cloud.ssh_keys.store import SSH_KEYS
from chalicelib.cloud.tenancy.store import INVITATIONS, SLUGS
from chalicelib.kit.tables import Item
from chalicelib.platform.access.store import API_KEYS
from chalicelib.platform.identity.tenant_store import TENANTS
from chalicelib.platform.identity.user_store import ADDRESSES, MEMBERS, USERS
from chalicelib.platform.secrets.store import SECRETS
from tests.simulation.cloud.standing import Caller, has_moved, may, moves_so_far, working_tenant
from tests.simulation.engine.gateway import IDEMPOTENCY_KEY
from tests.simulation.scene import MOST_REPEATS, REFUSED, SERVER_ERROR, NothingThereError, RefusedError, Scene
from tests.support.client import MASTER_KEY, HttpAnswer
from tests.support.tenant_watch import WORKING, Reach, TenantWatch

ADA, BOB, EVE = EVERYBODY = ("ada@example.com", "bob@example.com", "eve@example.com")
OPERATOR = Caller(MASTER_KEY)
NOBODY = Caller("")

PASSWORD = "Tr1cky-Horse-Staple"
OTHER_PASSWORD = "An0ther-Battery-Cart"

MOSTLY = 0.85
"""The share of requests that could succeed: with a key that is there, in a tenant of its user's, for a thing there."""

DENIED = frozenset({401, 403, 404})
UNDECIDED = frozenset({400, 422, 429})
"""Refused before, or beside, what a caller may."""

KEEPING = frozenset(
    each.name
    for each in (
        *(USERS, ADDRESSES, MEMBERS, TENANTS, SLUGS, INVITATIONS, PASSWORDS),
        *(ROLES, POLICIES, ACCOUNTS, OWNERS, SECRETS, SSH_KEYS),
    )
)
"""The tables in which a request that is refused writes nothing."""


PROMISES = (
    "what_is_refused_changes_nothing",
    "no_request_reaches_another_tenant",
    "who_may_not_is_refused",
    "who_may_is_not_refused",
)
"""What each request is judged by."""


class People:
    """What the people of a history have: all keys that they ever had, tokens of programs, and what programs get them
    with (account, secret)."""

    def __init__(self) -> None:
        self.keys: list[Caller] = []
        self.tokens: list[Caller] = []
        self.credentials: list[tuple[str, str]] = []
        self.watch: TenantWatch | None = None


def people(scene: Scene) -> People:
    known = scene.recall(People)
    if known.watch is None:
        known.watch = TenantWatch(scene.world.driver)
    return known


def ask(
    scene: Scene,
    by: Caller,
    method: str,
    path: str,
    *,
    needs: str = "",
    tenant: str | None = None,
    in_path: bool = False,
    api: str = API.name,
    **options: Any,
) -> HttpAnswer:
    """A request of a caller, sent again as `Scene.ask` does where no answer comes. ``needs`` is the permission that it
    takes in the ``tenant`` that it names, by its path or else by a header. Raises `RefusedError`."""
    headers = {**by.headers} if by.text else {}
    if tenant is not None and not in_path:
        headers["X-Tenant-ID"] = tenant
    if method == "POST":
        headers[IDEMPOTENCY_KEY] = f"key-{scene.rng.getrandbits(64):016x}"
    sent = {"key": None, "headers": headers, "address": by.address, "api": api, "checked": False, **options}
    post = scene.posted(path, sent, by_operator=False) if method == "POST" else None
    for _ in range(MOST_REPEATS):
        answer = _judged(scene, by, (method, path), needs, tenant, sent)
        if answer is not None and answer.status < SERVER_ERROR:
            if post is not None:
                post.answer = answer
            if answer.status >= REFUSED:
                raise RefusedError(answer.status, answer.text)
            return answer
        scene.wait(scene.rng.uniform(0.5, 20))
    raise RefusedError(0, "no answer")


def _judged(
    scene: Scene, by: Caller, route: tuple[str, str], needs: str, tenant: str | None, sent: dict[str, Any]
) -> HttpAnswer | None:
    people(scene)
    method, path = route
    works_in = working_tenant(scene, by, tenant) if needs else ""
    could, before = may(scene, by, works_in, needs), moves_so_far(scene)
    reach = Reach(by.tenant or works_in)  # a program is looked up in its own tenant, whichever it names
    token = WORKING.set(reach)
    try:
        answer = scene.gateway.ask(method, path, **sent)
    finally:
        WORKING.reset(token)
    if answer is None:
        return None
    told = f"{method} {path} of {by.user or by.account or 'somebody'} in {works_in or 'no tenant'} is {answer.status}"
    with scene.holding("what_is_refused_changes_nothing"):
        is_refused = REFUSED <= answer.status < SERVER_ERROR
        assert not (is_refused and reach.wrote & KEEPING), f"{told}, and wrote {sorted(reach.wrote & KEEPING)}"
    if needs and not has_moved(scene, by, works_in or tenant or "", before):
        with scene.holding("no_request_reaches_another_tenant"):
            assert not reach.strayed, f"{told}, and reached {reach.strayed[0]}"
        with scene.holding("who_may_not_is_refused"):
            assert could or answer.status in DENIED | UNDECIDED or answer.status >= SERVER_ERROR, told
        with scene.holding("who_may_is_not_refused"):
            assert not (could and method == "GET" and answer.status in {401, 403}), told
    return answer


def keys_alive(scene: Scene) -> list[Caller]:
    """The keys that were not revoked."""
    ended = {row["id"] for row in scene.rows(API_KEYS) if "revoked_at" in row}
    return [key for key in people(scene).keys if key.key_id not in ended]


def some_caller(scene: Scene) -> Caller:
    """A key of somebody or a token, which may have ended; mostly a key that was not revoked. Raises
    `NothingThereError`."""
    known, alive = people(scene), keys_alive(scene)
    pool = alive if alive and scene.rng.random() < MOSTLY else [*known.keys, *known.tokens]
    if not pool:
        raise NothingThereError("keys")
    return scene.rng.choice(pool)


def some_tenant(scene: Scene, by: Caller = NOBODY) -> str:
    """The id of a tenant, mostly of one in which the caller has a place. Raises `NothingThereError`."""
    rows = scene.rows(TENANTS)
    places = {str(row["tenant"]) for row in scene.rows(MEMBERS) if row["user_id"] == by.user} | {by.tenant}
    own = sorted(str(row["id"]) for row in rows if row["id"] in places and "deleted_at" not in row)
    every = sorted(str(row["id"]) for row in rows if "slug" in row or "deleted_at" in row)
    if own and scene.rng.random() < MOSTLY:
        return scene.rng.choice(own)
    if not every:
        raise NothingThereError("tenants")
    return scene.rng.choice(every)


def own_rows(scene: Scene, table: Any, tenant: str, key: str = "id") -> list[Item]:
    """The rows of a tenant in a table of tenants, with their keys as the tenant sees them."""
    rows = [row for row in scene.rows(table) if str(row[table.partition]).startswith(f"{tenant}|")]
    return sorted(({**row, key: str(row[key]).rpartition("|")[2]} for row in rows), key=lambda row: str(row[key]))


def some_id(scene: Scene, table: Any, tenant: str) -> str:
    """The id of something in that table, mostly of the tenant, or of another. Raises `NothingThereError`."""
    own = [str(row["id"]) for row in own_rows(scene, table, tenant)]
    every = sorted(str(row["id"]).rpartition("|")[2] for row in scene.rows(table))
    pool = own if own and scene.rng.random() < MOSTLY else every
    pool = [each for each in pool if each != "-"]
    if not pool:
        raise NothingThereError(table.name)
    return scene.rng.choice(pool)


def mailed(scene: Scene, address: str, subject: str) -> str:
    """A token that was mailed to an address with that subject, mostly the newest. Raises `NothingThereError`."""
    tokens = [
        line
        for mail in scene.world.mailer.sent
        if mail.to == address and mail.subject == subject
        for line in mail.text.splitlines()
        if len(line) == TOKEN_CHARACTERS and " " not in line
    ]
    if not tokens:
        raise NothingThereError("mails")
    return tokens[-1] if scene.rng.random() < MOSTLY else scene.rng.choice(tokens)


TOKEN_CHARACTERS = 64
REGISTRATION = "Confirm your registration"
RESET = "Set a new password"
INVITATION = "You are invited"
