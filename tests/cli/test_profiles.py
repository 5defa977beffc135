"""Where `edgectl` keeps keys, and what it does without one."""

import stat

import pytest
from edgectl import profiles
from edgectl.errors import CliError
from edgectl.profiles import Profile

KEY = "a-key-that-nobody-else-may-see"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("EDGE_URL", "EDGE_KEY", "EDGE_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_stored_profile_is_readable_by_its_owner_alone():
    profiles.save("default", Profile("https://edge.example.com", KEY))

    assert stat.S_IMODE(profiles.path().stat().st_mode) == 0o600
    assert profiles.load(None, None) == Profile("https://edge.example.com", KEY)
    assert KEY not in repr(profiles.load(None, None))


def test_profile_that_others_can_read_is_refused():
    profiles.save("default", Profile("https://edge.example.com", KEY))
    profiles.path().chmod(0o644)

    with pytest.raises(CliError, match="others can read"):
        profiles.load(None, None)


def test_environment_comes_before_the_file(monkeypatch):
    profiles.save("default", Profile("https://edge.example.com", KEY))
    monkeypatch.setenv("EDGE_URL", "https://other.example.com/")
    monkeypatch.setenv("EDGE_KEY", "another")

    assert profiles.load(None, None) == Profile("https://other.example.com", "another")
    assert profiles.load(None, "https://third.example.com").url == "https://third.example.com"


def test_unknown_profile_is_refused_with_those_that_there_are():
    profiles.save("shop", Profile("https://edge.example.com", KEY))

    with pytest.raises(CliError, match="no profile 'prod' \\(profiles: shop\\)"):
        profiles.load("prod", None)


def test_missing_key_says_how_to_get_one():
    with pytest.raises(CliError, match="no address: edgectl login"):
        profiles.load(None, None)


def test_forgotten_profile_is_gone():
    profiles.save("shop", Profile("https://edge.example.com", KEY))

    assert profiles.remove("shop")
    assert not profiles.remove("shop")
    assert profiles.names() == []
