"""What is secret does not show where an object is printed, as in a traceback or a log."""

import pytest

from chalicelib.fleet.api.agent.bundle import BundleOut
from chalicelib.fleet.api.agent.enrollment import KeyVerificationOut
from chalicelib.fleet.api.agent.executions import EnvironmentOut
from chalicelib.fleet.api.agent.nodes import NodeRegistration, RegisteredOut
from chalicelib.fleet.api.operator.api_key_models import ApiKeyShownOut
from chalicelib.fleet.api.operator.enrollment_keys import EnrollmentKeyOut
from chalicelib.fleet.api.operator.nodes import NodeOut
from chalicelib.fleet.api.operator.secrets import SecretSave
from chalicelib.kit.data_keys import WrappedKey


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (ApiKeyShownOut, {"key"}),
        (BundleOut, {"url"}),
        (EnrollmentKeyOut, {"key"}),
        (EnvironmentOut, {"environment"}),
        (KeyVerificationOut, {"netmaker_key"}),
        (NodeOut, {"api_token", "proxy_password"}),
        (NodeRegistration, {"registration_token"}),
        (SecretSave, {"value"}),
        (RegisteredOut, {"api_token", "proxy_password"}),
    ],
)
def test_request_body_repr_omits_its_secrets(model, names):
    shown = repr(model.model_construct(**dict.fromkeys(names, "the secret")))
    assert shown.startswith(model.__name__)
    assert "the secret" not in shown


def test_data_key_repr_omits_the_plain_key():
    assert repr(WrappedKey(b"plain", b"wrapped")) == "WrappedKey(wrapped=b'wrapped')"
