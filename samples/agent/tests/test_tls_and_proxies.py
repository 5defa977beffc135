import asyncio
import datetime as dt
import ipaddress
import socket
import ssl
import threading
from contextlib import suppress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from edge_agent.errors import NetworkError
from edge_agent.http_client import ANSWER_LIMITS
from edge_agent.ports.http_requests import HttpRequests
from edge_agent.ports.tls_trust import READ_AGAIN_SECONDS, TlsTrust

from samples.agent.tests.support.agent_process import AgentProcesses
from samples.agent.tests.support.eventually import eventually
from samples.agent.tests.support.stub_server import StubServer

START = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
END = dt.datetime(2120, 1, 1, tzinfo=dt.UTC)


def new_certificate(path, end=END):
    """Write a certificate for 127.0.0.1 that is its own authority, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "edge agent test")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), START, end)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = builder.add_extension(address, critical=False).sign(key, hashes.SHA256())
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(signed.public_bytes(encoding) + private)
    return path


@pytest.fixture
def certificate(tmp_path):
    return new_certificate(tmp_path / "certificate.pem")


@pytest.fixture
def tls(certificate):
    """The server's context: a certificate that it loads later is that of later connections."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    return tls


@pytest.fixture
def server(tls):
    """Replaces the fixture `server`: HTTPS and WSS."""
    with StubServer(tls) as running:
        yield running


@pytest.fixture
def agents(server, tmp_path):
    with AgentProcesses(server, tmp_path) as running:
        yield running


@pytest.fixture
def proxy():
    with Proxy() as running:
        yield running


class Proxy:
    """Forwards CONNECT, and records the targets."""

    def __init__(self):
        self.targets = []
        self.authorizations = []
        self.ends = []

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://user:pass%20word@127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self._accept)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for end in self.ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self.thread.join()

    def _accept(self):
        tunnels = []
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                break
            tunnels.append(threading.Thread(target=self._tunnel, args=(client,)))
            tunnels[-1].start()
        for tunnel in tunnels:
            tunnel.join()

    def _tunnel(self, client):
        request = b""
        while b"\r\n\r\n" not in request:
            request += client.recv(65536)
        first, *headers = request.decode().split("\r\n")
        method, target, _ = first.split()
        assert method == "CONNECT"
        self.targets.append(target)
        self.authorizations += [line for line in map(str.lower, headers) if line.startswith("proxy-authorization")]
        host, port = target.split(":")
        with client, socket.create_connection((host, int(port))) as upstream:
            self.ends += [client, upstream]
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=pass_on, args=(upstream, client))
            back.start()
            pass_on(client, upstream)
            back.join()


def pass_on(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return


@pytest.mark.parametrize("way", ["option", "environment"])
def test_private_authority_is_trusted_for_https_and_the_websocket(server, agents, certificate, way):
    options = ("--ca-file", str(certificate)) if way == "option" else ()
    environment = {"EDGE_AGENT_CA_FILE": str(certificate)} if way == "environment" else {}
    agent = agents.connected(*options, environment=environment)
    execution_id = server.add("echo safe", wake=True)
    assert eventually(lambda: server.final(execution_id), what=agent.stderr)["output"] == "safe\n"


def test_key_is_not_sent_to_an_untrusted_server(server, agents):
    agent = agents.start()
    waiting = agent.wait_for("enrollment.waiting")
    assert "SSLError: self-signed certificate; the clock of this machine says 20" in waiting["reason"]
    assert server.requests == []
    assert agent.stop() == 0


def test_unusable_ca_file_ends_the_agent(agents, tmp_path):
    agent = agents.start("--ca-file", str(tmp_path / "none.pem"))
    assert agent.wait() == 2
    assert "none.pem" in agent.logged("agent.failed")[0]["reason"]


def test_certificate_that_has_expired_is_named_in_the_log(agents, tls, tmp_path):
    expired = new_certificate(tmp_path / "expired.pem", START + dt.timedelta(days=1))
    tls.load_cert_chain(expired)
    waiting = agents.start("--ca-file", str(expired)).wait_for("enrollment.waiting")
    assert "certificate has expired" in waiting["reason"]


def test_authority_that_is_replaced_under_a_running_agent_is_trusted(server, agents, tls, certificate, tmp_path):
    agent = agents.connected("--ca-file", str(certificate))
    following = new_certificate(tmp_path / "following.pem")
    tls.load_cert_chain(following)
    server.disconnect()
    agent.wait_for("websocket.lost")
    following.replace(certificate)
    eventually(lambda: len(agent.logged("websocket.connected")) == 2, what=agent.stderr)
    execution_id = server.add("echo safe", wake=True)
    assert eventually(lambda: server.final(execution_id), what=agent.stderr)["output"] == "safe\n"


def test_authority_that_is_taken_away_is_not_trusted_an_hour_later(server, certificate, tmp_path):
    """Though a connection is open that was made while it was trusted."""
    now = 0.0
    requests = HttpRequests(TlsTrust(certificate, lambda: now), {})
    asked = ("GET", f"{server.url}/api/v1/agents/nodes/me", {}, None, ANSWER_LIMITS)
    asyncio.run(requests.request(*asked))
    new_certificate(tmp_path / "other.pem").replace(certificate)
    now = READ_AGAIN_SECONDS - 1
    asyncio.run(requests.request(*asked))
    now = READ_AGAIN_SECONDS
    with pytest.raises(NetworkError, match="self-signed certificate"):
        asyncio.run(requests.request(*asked))
    requests.close()


@pytest.mark.parametrize("content", ["", None], ids=["empty", "missing"])
def test_ca_file_that_is_damaged_under_a_running_agent_takes_no_trust_away(server, certificate, content):
    now = 0.0
    requests = HttpRequests(TlsTrust(certificate, lambda: now), {})
    certificate.unlink()
    if content is not None:
        certificate.write_text(content)
    now = READ_AGAIN_SECONDS
    asked = ("GET", f"{server.url}/api/v1/agents/nodes/me", {}, None, ANSWER_LIMITS)
    assert asyncio.run(requests.request(*asked)).status == 401
    requests.close()


@pytest.mark.parametrize("content", ["", None], ids=["empty", "missing"])
def test_unusable_ca_file_is_read_again_by_an_agent_of_the_launcher(server, agents, certificate, tmp_path, content):
    ca_file = tmp_path / "authorities.pem"
    if content is not None:
        ca_file.write_text(content)
    environment = {"EDGE_AGENT_VERSIONS": str(tmp_path)}
    agent = agents.start("--ca-file", str(ca_file), "--self-update", environment=environment)
    assert f"the CA file {ca_file} cannot be used" in agent.wait_for("enrollment.waiting")["reason"]
    certificate.replace(ca_file)
    agent.wait_for("websocket.connected")


def test_https_and_the_websocket_use_the_proxy_of_the_environment(server, agents, certificate, proxy):
    agent = agents.connected("--ca-file", str(certificate), environment={"HTTPS_PROXY": proxy.url})
    execution_id = server.add("echo through", wake=True)
    assert eventually(lambda: server.final(execution_id), what=agent.stderr)["output"] == "through\n"
    assert {f"https://{target}" for target in proxy.targets} >= {server.url}
    assert {f"wss://{target}/agent" for target in proxy.targets} >= {server.websocket_url}
    assert set(proxy.authorizations) == {"proxy-authorization: basic dxnlcjpwyxnzihdvcmq="}
    agent.stop()


def test_host_in_no_proxy_is_reached_directly(agents, certificate, proxy):
    environment = {"HTTPS_PROXY": proxy.url, "NO_PROXY": "127.0.0.1"}
    agents.connected("--ca-file", str(certificate), environment=environment)
    assert proxy.targets == []
