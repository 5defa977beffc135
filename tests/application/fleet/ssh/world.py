"""The application in process with machines, and a hasher that counts instead of hashing."""

from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.ssh.group_model import GroupUser, NewGroupUser
from chalicelib.fleet.ssh.model import AuthMethod, Credential, NewKey, NewUsername, SshPublicKey, SshUsername
from chalicelib.kit.crypto import Secret
from chalicelib.kit.tables import Driver
from tests.support.builders import Machine, a_cluster, a_registration, machines
from tests.support.world import World

PASSWORD = "correct horse battery"


class FakePasswords:
    """Stores what it is given in plain, and notes each check: (stored, presented)."""

    def __init__(self) -> None:
        self.checks: list[tuple[str | None, str]] = []

    def hash(self, password: str) -> str:
        return f"hash of {password}"

    def verify(self, stored: str | None, password: str) -> bool:
        self.checks.append((stored, password))
        return stored == f"hash of {password}"


class SshWorld(World):
    """A world with a cluster and one machine in it. ``driver`` may be the emulator's."""

    def __init__(self, driver: Driver | None = None) -> None:
        super().__init__()
        if driver is not None:
            self.driver = driver
        self.passwords = FakePasswords()
        self.fleet.ssh.passwords = self.passwords
        a_cluster(self)
        (self.machine,) = machines(self, 1)

    @property
    def node_id(self) -> str:
        return self.machine.id

    def username(
        self, name: str = "deploy", *keys: str, password: str | None = None, machine: Machine | None = None
    ) -> SshUsername:
        """A user name whose keys are called k0, k1, …"""
        new = NewUsername(
            name,
            None if password is None else Secret(password),
            tuple(NewKey(f"k{place}", key) for place, key in enumerate(keys)),
        )
        return self.fleet.ssh.usernames.create((machine or self.machine).id, new, reach=EVERYWHERE)

    def group_user(
        self, name: str = "deploy", *keys: str, password: str | None = None, cluster: str = "north"
    ) -> GroupUser:
        """A user of a cluster whose keys are called k0, k1, …"""
        new = NewGroupUser(
            name,
            cluster_name=cluster,
            password=None if password is None else Secret(password),
            public_keys=tuple(NewKey(f"k{place}", key) for place, key in enumerate(keys)),
        )
        return self.fleet.ssh.group_users.create(new, reach=EVERYWHERE)

    def key(self, owner: SshUsername, name: str, line: str) -> SshPublicKey:
        return self.fleet.ssh.public_keys.create(owner.id, NewKey(name, line), reach=EVERYWHERE)

    def lets_in(
        self, name: str, *, password: str | None = None, key: str | None = None, machine: Machine | None = None
    ) -> bool:
        """What the machine's agent is told."""
        method = AuthMethod.PASSWORD if key is None else AuthMethod.PUBLIC_KEY
        agent = self.fleet.nodes.identity.authenticate((machine or self.machine).token)
        return self.fleet.ssh.verifier.verify(agent.node, Credential(name, method, Secret(key or password or "")))

    def enrol_again(self) -> None:
        """The machine's id is deleted and enrolled once more, a second later."""
        self.fleet.nodes.placing.delete(self.machine.id, reach=EVERYWHERE)
        self.clock.advance(1)
        key = self.fleet.enrollment.create("north", {"uses_remaining": None}, reach=EVERYWHERE)
        blob = self.fleet.enrollment.reveal(key).reveal()
        token = self.fleet.enrollment.verify(blob, self.machine.id).registration_token
        registered = self.fleet.nodes.registering.register(a_registration(self.machine.id, "north"), token, None)
        self.machine = Machine(registered.node, registered.secrets.api_token)
