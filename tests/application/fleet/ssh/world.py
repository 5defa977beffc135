"""The application in process with machines, real public keys, and a hasher that counts instead of hashing."""

import base64
import functools

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

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
        return self.fleet.ssh.usernames.create((machine or self.machine).id, new)

    def key(self, owner: SshUsername, name: str, line: str) -> SshPublicKey:
        return self.fleet.ssh.public_keys.create(owner.id, NewKey(name, line))

    def lets_in(
        self, name: str, *, password: str | None = None, key: str | None = None, machine: Machine | None = None
    ) -> bool:
        """What the machine's agent is told."""
        method = AuthMethod.PASSWORD if key is None else AuthMethod.PUBLIC_KEY
        agent = self.fleet.nodes.identity.authenticate((machine or self.machine).token)
        return self.fleet.ssh.verifier.verify(agent.node, Credential(name, method, Secret(key or password or "")))

    def enrol_again(self) -> None:
        """The machine's id is deleted and enrolled once more, a second later."""
        self.fleet.nodes.placing.delete(self.machine.id)
        self.clock.advance(1)
        key = self.fleet.enrollment.create("north", {"uses_remaining": None})
        blob = self.fleet.enrollment.reveal(key).reveal()
        token = self.fleet.enrollment.verify(blob, self.machine.id).registration_token
        registered = self.fleet.nodes.registering.register(a_registration(self.machine.id, "north"), token, None)
        self.machine = Machine(registered.node, registered.secrets.api_token)


@functools.cache
def ed25519_key(number: int = 0, comment: str = "user@host") -> str:
    """A key that follows from its number."""
    key = ed25519.Ed25519PrivateKey.from_private_bytes(number.to_bytes(32))
    return _line(key.public_key(), comment)


@functools.cache
def ecdsa_key(bits: int = 256, comment: str = "") -> str:
    curve = {256: ec.SECP256R1(), 384: ec.SECP384R1(), 521: ec.SECP521R1()}[bits]
    return _line(ec.derive_private_key(4711, curve).public_key(), comment)


@functools.cache
def rsa_key(bits: int = 2048, comment: str = "") -> str:
    """A public key alone: nobody needs to know factors of this modulus."""
    modulus = (1 << (bits - 1)) | 1
    return _line(rsa.RSAPublicNumbers(65537, modulus).public_key(), comment)


def relabelled(line: str, label: str) -> str:
    """The same data under another algorithm's name."""
    return " ".join([label, *line.split(" ")[1:]])


def of_blob(label: str, blob: bytes) -> str:
    return f"{label} {base64.b64encode(blob).decode()}"


def blob_of(line: str) -> bytes:
    return base64.b64decode(line.split()[1])


def _line(public_key, comment: str) -> str:
    text = public_key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return f"{text} {comment}".rstrip()
