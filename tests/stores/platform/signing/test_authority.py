"""Certificates of the installation's authority, checked with the library's own path validation."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, Store, VerificationError

from chalicelib.kit.crypto import Sealer
from chalicelib.kit.data_keys import DATA_KEYS
from chalicelib.kit.tables import Tables
from chalicelib.platform.signing.authority import CA_LIFE, CLIENT_CA, CLIENT_LIFE, Authority, Issued
from chalicelib.platform.signing.store import SIGNING_KEYS, PairStore
from tests.support.drivers import BOTH, driver_for
from tests.support.fakes.aws import FakeKeyService
from tests.support.fakes.clock import FakeClock, FakeIds
from tests.support.fakes.dynamo import FakeDynamo

TABLES = [SIGNING_KEYS, DATA_KEYS]

NODE = "0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b"


class Stage:
    def __init__(self, driver) -> None:
        self.clock, self.ids = FakeClock(), FakeIds()
        self.tables = Tables(driver, self.clock, self.ids)
        self.sealer = Sealer(self.tables, FakeKeyService(), self.clock, self.ids, "test")

    def container(self) -> Authority:
        return Authority(PairStore(self.tables), self.sealer, self.clock, self.ids, "test client CA")


@pytest.fixture(params=BOTH)
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with driver_for(request, TABLES, FakeClock()) as driver:
        yield Stage(driver)


def certificate_of(issued: Issued) -> x509.Certificate:
    return x509.load_pem_x509_certificate(issued.certificate.encode())


def accepts(stage: Stage, issued: Issued, trusted: str) -> bool:
    """Whether a service that trusts this authority takes the client, by the library's validation of paths."""
    store = Store(x509.load_pem_x509_certificates(trusted.encode()))
    verifier = (
        PolicyBuilder()
        .store(store)
        .time(stage.clock.now())
        .extension_policies(ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=ExtensionPolicy.permit_all())
        .build_client_verifier()
    )
    try:
        verifier.verify(certificate_of(issued), [])
    except VerificationError:
        return False
    return True


def test_a_certificate_names_its_node_and_is_good_for_clients_alone(stage: Stage) -> None:
    issued = stage.container().issue(NODE, "default")

    certificate = certificate_of(issued)
    [name] = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    [unit] = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert (name.value, unit.value) == (NODE, "default")
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert certificate.not_valid_before_utc <= stage.clock.now()
    assert certificate.not_valid_after_utc - stage.clock.now() == CLIENT_LIFE


def test_the_keys_of_an_answer_belong_together_and_to_its_certificate(stage: Stage) -> None:
    issued = stage.container().issue(NODE, "default")

    private = load_pem_private_key(issued.private_key.reveal().encode(), password=None)

    assert isinstance(private, EllipticCurvePrivateKey)
    assert private.public_key() == load_pem_public_key(issued.public_key.encode())
    assert private.public_key() == certificate_of(issued).public_key()


def test_a_service_accepts_clients_of_the_authority_that_it_trusts_alone(stage: Stage) -> None:
    issued, other = stage.container().issue(NODE, "default"), Stage(FakeDynamo(TABLES, FakeClock()))

    assert accepts(stage, issued, issued.chain)
    assert not accepts(stage, issued, other.container().certificate())


def test_a_client_is_refused_when_its_certificate_has_ended(stage: Stage) -> None:
    issued = stage.container().issue(NODE, "default")

    stage.clock.advance((CLIENT_LIFE + timedelta(seconds=1)).total_seconds())

    assert not accepts(stage, issued, issued.chain)


def test_containers_have_one_authority_and_no_two_certificates_one_number(stage: Stage) -> None:
    issued = [stage.container().issue(NODE, "default") for _ in range(3)]

    assert len({each.chain for each in issued}) == 1
    assert len({each.serial for each in issued}) == len(issued)


def test_no_certificate_outlives_the_authority(stage: Stage) -> None:
    ends = x509.load_pem_x509_certificate(stage.container().certificate().encode()).not_valid_after_utc
    stage.clock.advance((CA_LIFE - CLIENT_LIFE / 2).total_seconds())

    assert certificate_of(stage.container().issue(NODE, "default")).not_valid_after_utc == ends


def test_private_keys_are_in_no_representation_and_no_row(stage: Stage) -> None:
    issued = stage.container().issue(NODE, "default")

    rows = [
        stage.tables.get(table, {"id": row_id}) for table, row_id in ((SIGNING_KEYS, CLIENT_CA), (DATA_KEYS, "current"))
    ]
    assert "PRIVATE KEY" not in repr(issued)
    assert "PRIVATE KEY" not in repr(rows)
