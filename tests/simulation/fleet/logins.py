"""Logins by SSH, about which the agent's own code asks: nobody is let in, or stays, who has no access by the rows."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from chalicelib.fleet.nodes.store import NODES
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.ssh.group_store import GROUP_USERS, REVOCATIONS
from chalicelib.fleet.ssh.model import NewKey, NewUsername
from chalicelib.fleet.ssh.store import USERNAMES
from chalicelib.kit.crypto import Secret
from chalicelib.kit.openssh import parse
from chalicelib.kit.tables import Item
from tests.simulation.engine.gateway import Exchange
from tests.simulation.engine.machine import Machine
from tests.simulation.engine.ssh import SshClient
from tests.simulation.scene import NothingThereError, Scene, Simulation
from tests.support.cloud import PlainPasswords
from tests.support.fakes.dynamo import Plan
from tests.support.ssh_keys import ed25519_key

NAMES = ("deploy", "admin")
NUMBERS = (1, 2, 3)
"""Of the keys that people have."""

PASSWORD, WRONG_PASSWORD = "c0rrect-horse", "c0rrect-cow"
MOSTLY = 0.8
STAYS_SECONDS = (30, 300, 1500, None)
"""How long somebody stays; None: until the session is ended."""

DEPENDS = {
    NODES: ("id", "cluster_id", "labels"),
    USERNAMES: ("id", "password_hash", "public_keys"),
    GROUP_USERS: ("id", "password_hash", "public_keys"),
    REVOCATIONS: ("revoked_at",),
}
"""On what access depends, by table."""

OK = 200


class _Logins:
    """Who logged in at which machine; the logins that were answered with yes, by machine, name and credential; and when
    anything last changed on which access depends."""

    def __init__(self) -> None:
        self.clients: list[tuple[Machine, SshClient]] = []
        self.allowed: set[tuple[int, str, str]] = set()
        self.moved_at: datetime | None = None


def log_in(scene: Scene) -> None:
    """Somebody logs in at a machine that works, mostly with an account of it, which is made if there is none."""
    machine = scene.rng.choice([each for each in scene.machines if each.works] or [None])
    node = None if machine is None else _node(scene, machine)
    if machine is None or node is None:
        raise NothingThereError("machines that work")
    if not any(_accounts(scene, node)):
        number = scene.rng.choice(NUMBERS)
        keys = (NewKey(f"key {number}", ed25519_key(number)),)
        new = NewUsername(scene.rng.choice(NAMES), Secret(PASSWORD), keys)
        scene.fleet.ssh.usernames.create(machine.id, new, reach=EVERYWHERE)
    name, credential = _a_credential(scene, node)
    _come(scene, machine, name, credential)


def come_again(scene: Scene) -> None:
    """The last one who came comes once more, to the same machine with the same credential."""
    machine, client = _last(scene)
    _come(scene, machine, client.username, {"key": client.key} if client.key else {"password": client.password})


def last_who_came(scene: Scene) -> tuple[str, str]:
    """Name and key, "" for a password, of the last one who came to a machine."""
    _, client = _last(scene)
    return client.username, client.key


def _last(scene: Scene) -> tuple[Machine, SshClient]:
    if not scene.recall(_Logins).clients:
        raise NothingThereError("logins")
    return scene.recall(_Logins).clients[-1]


def _come(scene: Scene, machine: Machine, name: str, credential: dict[str, str]) -> None:
    client = machine.log_in(name, **credential)
    if client is None:
        raise NothingThereError("SSH servers")
    scene.recall(_Logins).clients.append((machine, client))
    stays = scene.rng.choice(STAYS_SECONDS)
    if stays is not None:
        scene.world.timeline.after(stays, lambda: client.process.soon(client.leave))


def _a_credential(scene: Scene, node: Item) -> tuple[str, dict[str, str]]:
    accounts = sorted(_accounts(scene, node), key=lambda row: str(row["id"]))
    known = {parse(ed25519_key(number)).fingerprint: number for number in NUMBERS}
    if accounts and scene.rng.random() < MOSTLY:
        account = scene.rng.choice(accounts)
        numbers = [known[key["fingerprint"]] for key in account["public_keys"]]
        if numbers and scene.rng.random() < MOSTLY:
            return str(account["username"]), {"key": ed25519_key(scene.rng.choice(numbers))}
        return str(account["username"]), {"password": scene.rng.choice((PASSWORD, PASSWORD, WRONG_PASSWORD))}
    return scene.rng.choice(NAMES), {"key": ed25519_key(scene.rng.choice(NUMBERS))}


# -- who has access, by the rows -------------------------------------------------------------------------------------


def _node(scene: Scene, machine: Machine) -> Item | None:
    return next((row for row in scene.rows(NODES) if row["id"] == machine.id), None)


def _accounts(scene: Scene, node: Item) -> Iterator[Item]:
    """The accounts of a node: its own, those of its cluster, and those of its labels."""
    labels = {f"{name}:{value}" for name, value in (node.get("labels") or {}).items()}  # type: ignore[union-attr]
    yield from (row for row in scene.rows(USERNAMES) if row["node_id"] == node["id"])
    for row in scene.rows(GROUP_USERS):
        if (row.get("cluster_id") or "") == node["cluster_id"] or row.get("label") in labels:
            yield row


def _revoked_at(scene: Scene, node: Item, person: str) -> str:
    """When the person last lost access to a node, "" if never."""
    ids = {f"{place}#{person}" for place in ("everywhere", node["cluster_id"])}
    return max((str(row["revoked_at"]) for row in scene.rows(REVOCATIONS) if row["id"] in ids), default="")


def _good_accounts(scene: Scene, node: Item, name: str, fingerprint: str | None) -> list[Item]:
    """The accounts of a name that were made since it last lost access, and of a key those that were given it since."""
    since = _revoked_at(scene, node, f"name#{name}")
    good = [row for row in _accounts(scene, node) if row["username"] == name and str(row["inserted_at"]) > since]
    if fingerprint is None:
        return [row for row in good if row.get("password_hash")]
    key_since = _revoked_at(scene, node, f"key#{fingerprint}")
    return [
        row
        for row in good
        if any(key["fingerprint"] == fingerprint and key["inserted_at"] > key_since for key in row["public_keys"])
    ]


def _may_come(scene: Scene, node: Item, said: Any) -> bool:
    if said.get("public_key"):
        return bool(_good_accounts(scene, node, said["username"], parse(said["public_key"]).fingerprint))
    accounts = _good_accounts(scene, node, said["username"], None)
    return any(PlainPasswords().verify(str(row["password_hash"]), said["password"]) for row in accounts)


def _may_stay(scene: Scene, node: Item, session: Any) -> bool:
    """Access may not have been taken away in the second of the login or later; a password is of an account that was
    there at the login."""
    name, fingerprint, since = session["username"], session["fingerprint"], session["checked_at"]
    people = [f"name#{name}", *([] if fingerprint is None else [f"key#{fingerprint}"])]
    if any(_revoked_at(scene, node, person) >= since for person in people):
        return False
    accounts = _good_accounts(scene, node, name, fingerprint)
    return any(fingerprint is not None or str(row["inserted_at"]) <= since for row in accounts)


# -- what holds ------------------------------------------------------------------------------------------------------


def note_changes_of_access(scene: Scene, _operation: str, plan: Plan) -> None:
    """A login notes itself on its account, which changes nothing."""
    for write, _, old, new in plan:
        before, after = old or {}, new or {}
        if any(before.get(name) != after.get(name) for name in DEPENDS.get(write.table, ())):
            scene.recall(_Logins).moved_at = scene.world.clock.now()


def each_login_is_decided_by_the_rows(scene: Scene, exchange: Exchange) -> None:
    """Where they have not changed while it was asked about: who has no access is refused, and who has it is let in."""
    view = None if exchange.endpoint is None else exchange.endpoint.view.__name__
    if view not in {"verify_ssh_credentials", "check_ssh_sessions"} or exchange.answer.status != OK:
        return
    logins, said = scene.recall(_Logins), json.loads(exchange.options["body"])
    machine = next(each for each in scene.machines if each.address == exchange.options["address"])
    if view == "verify_ssh_credentials" and exchange.answer.data["verified"]:
        logins.allowed.add((machine.number, said["username"], said.get("public_key") or said["password"]))
    node = _node(scene, machine)
    if node is None or (logins.moved_at is not None and logins.moved_at >= exchange.began_at):
        return
    if view == "verify_ssh_credentials":
        expected, told = _may_come(scene, node, said), exchange.answer.data["verified"]
        assert told is expected, f"machine {machine.number}: {said['username']} was told {told}, not {expected}"
        return
    ended = {each["id"] for each in said["sessions"] if not _may_stay(scene, node, each)}
    told = set(exchange.answer.data["ended"])
    assert told == ended, f"machine {machine.number}: of {said['sessions']} {told} are to end, not {ended}"


def nobody_is_in_who_was_refused(scene: Scene) -> None:
    logins = scene.recall(_Logins)
    for machine, client in logins.clients:
        login = (machine.number, client.username, client.key or client.password)
        assert not client.is_in or login in logins.allowed, f"{login[:2]} is in, and was never allowed"


def nobody_stays_in_without_access(scene: Scene) -> None:
    """A session ends when access does, and that of a machine that is no node any more."""
    for machine, client in scene.recall(_Logins).clients:
        if not (client.is_in and client.is_open):
            continue
        node, told = _node(scene, machine), f"{client.username} is in at machine {machine.number}"
        assert node is not None, f"{told}, which is no node"
        fingerprint = parse(client.key).fingerprint if client.key else None
        assert _good_accounts(scene, node, client.username, fingerprint), f"{told}, and has no access"


LOGINS = Simulation(
    operations=(log_in,) * 3,
    invariants=(nobody_is_in_who_was_refused, nobody_stays_in_without_access),
    watches=(note_changes_of_access,),
    ears=(each_login_is_decided_by_the_rows,),
)
