"""EC2's errors as the engine takes them, and what their owner reads."""

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from chalicelib.machines.providers.ec2_errors import ERRORS, PAUSE_ERRORS, TENANT_ERRORS, why_ended
from chalicelib.platform.provisioning.ports import AgainLaterError, GoneError, ProviderError, RefusedError

CAPACITY = "use another zone or template"


@pytest.mark.parametrize(
    ("code", "status", "kind", "remedy"),
    [
        ("InsufficientInstanceCapacity", 500, AgainLaterError, CAPACITY),
        ("InsufficientFreeAddressesInSubnet", 400, AgainLaterError, "use another zone"),
        ("RequestLimitExceeded", 503, AgainLaterError, "too many requests"),
        ("IncorrectInstanceState", 400, AgainLaterError, "changing its state"),
        ("InternalError", 500, AgainLaterError, "did not answer"),
        ("SomethingNew", 503, AgainLaterError, "did not answer"),
        ("VcpuLimitExceeded", 400, RefusedError, "raised in Service Quotas"),
        ("InvalidAMIID.NotFound", 400, RefusedError, "from another image"),
        ("InvalidSubnetID.NotFound", 400, RefusedError, "mend the template or the settings"),
        ("UnauthorizedOperation", 403, RefusedError, "look at its permissions"),
        ("Unsupported", 400, RefusedError, CAPACITY),
        ("SomethingNew", 400, RefusedError, "SomethingNew"),
        ("InvalidInstanceID.NotFound", 400, GoneError, "does not know the machine"),
    ],
)
def test_error_code_is_sorted_and_names_the_remedy(code, status, kind, remedy):
    error = ERRORS.of_answer(code, status)

    assert type(error) is kind
    assert remedy in error.reason


@pytest.mark.parametrize(
    "code", ["InvalidSubnetID.NotFound", "InvalidGroup.NotFound", "InvalidSecurityGroupID.NotFound"]
)
def test_part_of_a_tenants_network_that_is_not_found_may_be_new(code):
    error = TENANT_ERRORS.of_answer(code, 400)

    assert isinstance(error, AgainLaterError)
    assert error.nothing_done


def test_machine_that_is_not_ready_to_be_paused_yet_is_asked_again():
    assert isinstance(PAUSE_ERRORS.of_answer("UnsupportedOperation", 400), AgainLaterError)
    assert isinstance(PAUSE_ERRORS.of_answer("UnsupportedHibernationConfiguration", 400), RefusedError)


@pytest.mark.parametrize(
    ("code", "status", "nothing_done"),
    [("InsufficientInstanceCapacity", 500, True), ("RequestLimitExceeded", 503, True), ("InternalError", 500, False)],
)
def test_only_an_error_without_effect_says_that_nothing_was_done(code, status, nothing_done):
    error = ERRORS.of_answer(code, status)

    assert isinstance(error, AgainLaterError)
    assert error.nothing_done is nothing_done


def test_answer_that_is_lost_may_have_had_an_effect():
    with pytest.raises(AgainLaterError) as caught, ERRORS.sorted():
        raise ReadTimeoutError(endpoint_url="https://ec2.test/secret")

    assert not caught.value.nothing_done
    assert "ec2.test" not in caught.value.reason


def test_message_of_ec2_is_never_quoted():
    about = {"Error": {"Code": "UnauthorizedOperation", "Message": "Encoded authorization failure message: s3cret"}}
    with pytest.raises(ProviderError) as caught, ERRORS.sorted():
        raise ClientError(about, "RunInstances")

    assert "s3cret" not in caught.value.reason
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("Server.InsufficientInstanceCapacity", CAPACITY),
        ("Client.InternalError", "default key for disks"),
        ("Client.UserInitiatedShutdown", "not by this installation"),
        ("Client.SomethingNew", ""),
    ],
)
def test_reason_of_an_ended_machine_names_the_remedy(code, remedy):
    assert remedy in why_ended(code)
