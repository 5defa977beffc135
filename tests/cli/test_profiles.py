"""Where `edgectl` keeps keys, and what it does without one."""

import stat
import sys

import keyring
import pytest
from edgectl import profiles
from edgectl.errors import CliError
from edgectl.profiles import Profile
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError

from tests.support.terminal import URL, Terminal
from tests.support.world import World

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


@pytest.mark.parametrize("around", ["{}\r", "{}\n", " {} ", "{}\r\n"])
def test_key_with_a_line_break_or_spaces_around_it_is_the_key(monkeypatch, around):
    monkeypatch.setenv("EDGE_URL", " https://edge.example.com/\n")
    monkeypatch.setenv("EDGE_KEY", around.format(KEY))

    assert profiles.load(None, None) == Profile("https://edge.example.com", KEY)


@pytest.mark.parametrize("inside", ["{}\nX", "{} X", "{}ü", "{}\x7fX", "\u201c{}\u201d", " "])
def test_key_that_no_header_takes_is_refused_by_its_place_alone(monkeypatch, inside):
    monkeypatch.setenv("EDGE_URL", "https://edge.example.com")
    monkeypatch.setenv("EDGE_KEY", inside.format(KEY))

    with pytest.raises(CliError, match="EDGE_KEY is no key") as refused:
        profiles.load(None, None)
    assert KEY not in str(refused.value)


def test_stored_key_that_no_header_takes_is_refused_by_its_profile():
    profiles.save("shop", Profile("https://edge.example.com", "two words"))

    with pytest.raises(CliError, match="the key of the profile 'shop' is no key"):
        profiles.load("shop", None)


def test_login_takes_a_key_from_a_line_of_another_system():
    terminal = Terminal(World())
    line = ("login", "--url", URL, "--key-file", "-", "--no-keyring")

    assert terminal.type(*line, typed=terminal.key + " \r\n").code == 0
    assert profiles.load(None, None) == Profile(URL, terminal.key)
    assert terminal.type(*line, typed="key with spaces\n").err.startswith("edgectl: what was given is no key")


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


class Ring(KeyringBackend):
    """A keyring in memory."""

    priority = 5

    def __init__(self):
        super().__init__()
        self.kept = {}
        self.is_locked = False

    def _open(self):
        if self.is_locked:
            raise KeyringLocked("locked")
        return self.kept

    def get_password(self, service, username):
        return self._open().get((service, username))

    def set_password(self, service, username, password):
        self._open()[service, username] = password

    def delete_password(self, service, username):
        if self._open().pop((service, username), None) is None:
            raise PasswordDeleteError("not there")


class TestKeyring:
    """The key stands in the keyring of the system, and nowhere else."""

    @pytest.fixture
    def ring(self):
        found = Ring()
        keyring.set_keyring(found)
        return found

    @pytest.fixture
    def terminal(self):
        terminal = Terminal(World())
        line = ("login", "--url", URL, "--key-file", "-")
        terminal.login = lambda *more: terminal.type(*line, *more, typed=terminal.key + "\n")
        return terminal

    def test_key_is_kept_in_the_keyring_where_there_is_one(self, ring, terminal):
        ended = terminal.login()
        assert ended.code == 0, ended.err
        assert "its key in the keyring" in ended.err

        assert terminal.key not in profiles.path().read_text()
        assert list(ring.kept.values()) == [terminal.key]
        assert profiles.load(None, None) == Profile(URL, terminal.key)

    def test_key_is_kept_in_the_file_when_asked_for_and_then_there_alone(self, ring, terminal):
        terminal.login()
        assert terminal.login("--no-keyring").code == 0

        assert profiles.load(None, None) == Profile(URL, terminal.key)
        assert ring.kept == {}

    def test_forgotten_profile_leaves_no_key_in_the_keyring(self, ring, terminal):
        terminal.login()
        assert terminal.type("logout").code == 0

        assert (ring.kept, profiles.names()) == ({}, [])

    def test_locked_keyring_is_a_sentence_and_stores_nothing(self, ring, terminal):
        ring.is_locked = True
        ended = terminal.login()

        assert (ended.code, ended.err) == (2, "edgectl: the keyring does not take the key (locked): --no-keyring\n")
        assert profiles.names() == []

    def test_key_that_is_gone_from_the_keyring_is_a_sentence(self, ring, terminal):
        terminal.login()
        ring.kept.clear()
        with pytest.raises(CliError, match="the keyring has no key of the profile 'default': edgectl login"):
            profiles.load(None, None)
        ring.is_locked = True
        with pytest.raises(CliError, match="the keyring does not give the key: locked"):
            profiles.load(None, None)

    def test_library_without_a_keyring_leaves_the_key_in_the_file(self, terminal):
        terminal.login()

        assert profiles.load(None, None) == Profile(URL, terminal.key)

    def test_keyring_that_is_not_installed_is_refused_only_when_asked_for(self, terminal, monkeypatch):
        monkeypatch.setitem(sys.modules, "keyring", None)

        assert terminal.login("--keyring").err.startswith("edgectl: there is no keyring: pipx inject")
        assert terminal.login().code == 0
        assert profiles.load(None, None) == Profile(URL, terminal.key)
