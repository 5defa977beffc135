"""Programs of tenants: accounts made, disabled and deleted, secrets replaced and revoked, tokens used meanwhile."""

import base64
import json

from chalicelib.cloud.roles.store import POLICIES
from chalicelib.cloud.service_accounts.rules import TOKEN_SECONDS
from chalicelib.cloud.service_accounts.store import ACCOUNTS, OWNERS
from tests.simulation.cloud.callers import LOOKS
from tests.simulation.cloud.people import NOBODY, ask, own_rows, people, some_caller, some_id, some_tenant
from tests.simulation.cloud.places import ROLES
from tests.simulation.cloud.standing import Caller
from tests.simulation.scene import NothingThereError, Scene, Simulation
from tests.simulation.together import beside

COLLECTION = "/iam/service-accounts"


def create_account(scene: Scene) -> None:
    by = some_caller(scene)
    body = {"name": scene.some_name(), "role": scene.rng.choice(ROLES)}
    needs, tenant = "service_account:create", some_tenant(scene, by)
    made = ask(scene, by, "POST", COLLECTION, needs=needs, tenant=tenant, json=body).data
    people(scene).credentials.append((str(made["id"]), str(made["secret"])))
    get_token(scene)


def get_token(scene: Scene) -> None:
    """A program asks for a token with some secret that it ever had."""
    known = people(scene).credentials
    if not known:
        raise NothingThereError("secrets of accounts")
    account, secret = scene.rng.choice(known[-3:])
    body = {"grant_type": "client_credentials", "client_id": account, "client_secret": secret}
    asked = scene.world.clock.now().timestamp()
    text = str(ask(scene, NOBODY, "POST", "/oauth2/token", json=body).json["access_token"])
    claims = json.loads(base64.urlsafe_b64decode(text.split(".")[1] + "=="))
    token = Caller(
        text,
        tenant=claims["tenant_id"],
        account=claims["sa_id"],
        secret_id=claims["sid"],
        end=min(float(claims["exp"]), asked + TOKEN_SECONDS),
    )
    people(scene).tokens.append(token)


def use_token(scene: Scene) -> None:
    tokens = people(scene).tokens
    if not tokens:
        raise NothingThereError("tokens")
    by = scene.rng.choice(tokens)
    path, needs = scene.rng.choice(LOOKS[1:])
    ask(scene, by, "GET", path, needs=needs, tenant=scene.rng.choice((None, some_tenant(scene, by))))


def _change(scene: Scene, method: str, part: str = "", needs: str = "service_account:update", **options: object) -> str:
    """A change of some account by somebody; returns the text of the secret that was shown."""
    by = some_caller(scene)
    tenant = some_tenant(scene, by)
    account = some_id(scene, ACCOUNTS, tenant)
    answer = ask(scene, by, method, f"{COLLECTION}/{account}{part}", needs=needs, tenant=tenant, **options)
    secret = str(answer.data["secret"]) if answer.text and "secret" in answer.data else ""
    if secret:
        people(scene).credentials.append((account, secret))
    return secret


def change_account(scene: Scene) -> None:
    body = scene.rng.choice(({"enabled": False}, {"enabled": True}, {"role": scene.rng.choice(ROLES)}))
    _change(scene, "PATCH", json=body)


def attach_policy_to_account(scene: Scene) -> None:
    by = some_caller(scene)
    tenant = some_tenant(scene, by)
    account, policy = some_id(scene, ACCOUNTS, tenant), some_id(scene, POLICIES, tenant)
    path, method = f"{COLLECTION}/{account}/policies/{policy}", scene.rng.choice(("POST", "POST", "DELETE"))
    ask(scene, by, method, path, needs="service_account:update", tenant=tenant)


def rotate_secret(scene: Scene) -> None:
    _change(scene, "POST", "/rotate-secret")


def revoke_secret(scene: Scene) -> None:
    by = some_caller(scene)
    tenant = some_tenant(scene, by)
    secrets = [(row["id"], one["id"]) for row in own_rows(scene, ACCOUNTS, tenant) for one in row["secrets"]]  # type: ignore[index,union-attr,call-overload]
    if not secrets:
        raise NothingThereError("secrets")
    account, secret = scene.rng.choice(secrets)
    path = f"{COLLECTION}/{account}/secrets/{secret}"
    ask(scene, by, "POST", path, needs="service_account:update", tenant=tenant)


def delete_account(scene: Scene) -> None:
    _change(scene, "DELETE", needs="service_account:delete")


CHANGES = (change_account, attach_policy_to_account, rotate_secret, revoke_secret, delete_account)


def programs_work_while_their_account_changes(scene: Scene) -> None:
    changes = scene.rng.sample(CHANGES, 2)
    beside(scene, *changes, get_token, use_token, use_token, use_token)


def each_account_has_its_tenant(scene: Scene) -> None:
    told = {(str(row["tenant"]), str(row["id"])) for row in scene.rows(OWNERS)}
    there = {tuple(str(row["id"]).split("|")) for row in scene.rows(ACCOUNTS)}
    assert told == there, f"accounts that only one table knows: {told ^ there}"


SIMULATION = Simulation(
    operations=(
        *(create_account, create_account, get_token, use_token, *CHANGES),
        *(programs_work_while_their_account_changes, programs_work_while_their_account_changes),
    ),
    invariants=(each_account_has_its_tenant,),
)
