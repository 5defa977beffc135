import pytest
from pydantic import ValidationError

from chalicelib.setting_table import markdown_table
from chalicelib.settings import Settings

NAMES = [name.upper() for name in Settings.model_fields]


def environment(**values):
    return Settings.from_environment(values)


def test_settings_defaults_are_those_of_the_reference():
    settings = environment()
    assert settings.auth_enabled is True
    assert settings.core_name == "default"
    assert settings.cluster_auto_generated_ranges == ("100.64.0.0/10",)
    assert (settings.cluster_subnet_prefix, settings.admin_slot_reservation, settings.node_slot_reservation) == (
        24,
        10,
        10,
    )
    assert settings.netmaker_default_domain == "nm.internal"
    assert (settings.node_unreachable_seconds, settings.list_read_limit) == (300, 20_000)
    assert settings.public_enrollment_key_enabled is False
    assert settings.command_default_deadline == 86_400
    assert settings.reveal_node_secrets is False
    assert settings.cors_allowed_headers == (
        *("authorization", "content-type"),
        *("edge-api-revision", "idempotency-key", "x-request-id"),
    )


def test_settings_are_read_from_the_environment():
    settings = environment(
        TABLE_PREFIX="edge-admin-dev-",
        QUEUE_URL_PREFIX="https://sqs/edge-",
        MASTER_KEY="s3cret",
        AUTH_ENABLED="false",
        CORS_ALLOWED_ORIGINS="https://a.example, https://b.example,",
        DEFAULT_CLUSTER_NAME="edge",
        DEFAULT_CLUSTER_NODE_LIMIT="7",
    )
    assert settings.table_prefix == "edge-admin-dev-"
    assert settings.queue_url_prefix == "https://sqs/edge-"
    assert settings.master_key.get_secret_value() == "s3cret"
    assert settings.auth_enabled is False
    assert settings.cors_allowed_origins == ("https://a.example", "https://b.example")
    assert (settings.default_cluster_name, settings.default_cluster_node_limit) == ("edge", 7)


def test_settings_are_read_from_the_process_environment_by_default(monkeypatch):
    monkeypatch.setenv("CORE_NAME", "north")
    assert Settings.from_environment().core_name == "north"
    assert Settings().core_name == "default"


def test_empty_variable_counts_as_unset():
    settings = environment(API_KEY="", DEFAULT_CLUSTER_NODE_LIMIT="", QUEUE_URL_PREFIX="", ADMIN_URLS="")
    assert (settings.api_key, settings.default_cluster_node_limit) == (None, None)
    assert (settings.queue_url_prefix, settings.admin_urls) == ("", ())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEFAULT_CLUSTER_NAME", "default"),
        ("CLUSTER_SUBNET_PREFIX", "31"),
        ("PUBLIC_RATE_PER_SECOND", "0"),
        ("AUTH_ENABLED", "maybe"),
        ("NODE_UNREACHABLE_SECONDS", "0"),
    ],
)
def test_invalid_setting_value_is_refused(name, value):
    with pytest.raises(ValidationError):
        environment(**{name: value})


@pytest.mark.parametrize(("poll", "silence"), [("300", None), ("300", "599"), ("60", "119")])
def test_silence_shorter_than_two_polls_is_refused_by_name(poll, silence):
    """Agents poll up to 1.44 times as late as they are told: polling nodes would be unreachable by turns."""
    given = {"POLL_SECONDS": poll} | ({} if silence is None else {"NODE_UNREACHABLE_SECONDS": silence})
    said = rf"NODE_UNREACHABLE_SECONDS is {silence or 300}, and has to be at least 2 x POLL_SECONDS \({2 * int(poll)}\)"
    with pytest.raises(ValidationError, match=said):
        environment(**given)
    assert environment(**given | {"NODE_UNREACHABLE_SECONDS": str(2 * int(poll))}).poll_seconds == int(poll)


def test_secrets_are_hidden_in_the_text_of_settings():
    settings = environment(MASTER_KEY="s3cret", API_KEY="s3cret", METRICS_KEY="s3cret")
    assert "s3cret" not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_own_urls_are_the_public_url_unless_admin_urls_are_set():
    assert environment().own_urls == ()
    assert environment(PUBLIC_URL="https://api.example").own_urls == ("https://api.example",)
    assert environment(ADMIN_URLS="https://a.example").own_urls == ("https://a.example",)


def test_settings_table_names_and_explains_every_variable():
    lines = markdown_table().splitlines()[2:]
    assert [line.split("|")[1].strip(" `") for line in lines] == NAMES
    assert all(len(line.split("|")[3].strip()) > 10 for line in lines)
    headers = "authorization,content-type,edge-api-revision,idempotency-key,x-request-id"
    assert f"| `CORS_ALLOWED_HEADERS` | `{headers}` |" in markdown_table()
