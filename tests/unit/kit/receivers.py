"""A real receiver on a port of this machine that misbehaves as told, with a certificate that only its test trusts."""

import datetime as dt
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Talk = Callable[[socket.socket, "Seen"], None]
"""What the receiver does with a connection, once the request has been read."""


@dataclass
class Seen:
    """What arrived. ``stop`` is set when the test is over: a receiver waits on it, never by the clock."""

    requests: list[bytes] = field(default_factory=list)
    server_names: list[str | None] = field(default_factory=list)
    connections: int = 0
    stop: Event = field(default_factory=Event)


@dataclass(frozen=True)
class Certificate:
    """Files in PEM: the certificate, which is its own authority, and its key."""

    certificate: str
    key: str


def make_certificate(folder: Path, name: str) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / f"{name}.pem", folder / f"{name}.key"
    certificate_file.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return Certificate(str(certificate_file), str(key_file))


def says(text: bytes) -> Talk:
    """A receiver that sends this, and hangs up."""
    return lambda connection, _seen: connection.sendall(text)


@contextmanager
def receiver(talk: Talk, certificate: Certificate | None = None) -> Iterator[tuple[int, Seen]]:
    """Its port and what it sees. It takes one connection after the other until the block ends."""
    seen = Seen()
    listener = socket.create_server(("127.0.0.1", 0))
    context = None if certificate is None else _server_context(certificate, seen)
    thread = Thread(target=_serve, args=(listener, context, talk, seen), daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], seen
    finally:
        seen.stop.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def _server_context(certificate: Certificate, seen: Seen) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    context.sni_callback = lambda _socket, name, _context: seen.server_names.append(name)
    return context


def _serve(listener: socket.socket, context: ssl.SSLContext | None, talk: Talk, seen: Seen) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        seen.connections += 1
        try:
            if context is not None:
                connection = context.wrap_socket(connection, server_side=True)
            seen.requests.append(_read_request(connection))
            talk(connection, seen)
        except OSError:
            continue  # the client went away, which is what some tests are about
        finally:
            connection.close()


def _read_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data and (part := connection.recv(65536)):
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    while len(body) < length and (part := connection.recv(65536)):
        body += part
    return head + b"\r\n\r\n" + body
