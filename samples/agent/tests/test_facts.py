"""What an agent says of its machine, also of odd ones."""

from pathlib import PurePath

from edge_agent.facts import MachineFacts


class Disk:
    def __init__(self, **files):
        self.files = {PurePath(path): content for path, content in files.pop("files", {}).items()}

    def read(self, path):
        if path not in self.files:
            raise FileNotFoundError(path)
        return self.files[path]


def facts(files=None, **system):
    return MachineFacts(Disk(files=files or {}), lambda: system, {"env": "prod"}).registration()["facts"]


def test_release_file_and_start_of_the_kernel_are_told():
    release = b'NAME="Debian"\nID=debian\nVERSION_ID="12"\n# comment\nodd line\n'
    found = facts({"/etc/os-release": release, "/proc/stat": b"cpu 1\nbtime 1760000000\n"}, hostname="till-3")

    assert found == {
        "hostname": "till-3",
        "os_name": "debian",
        "os_version": "12",
        "booted_at": "2025-10-09T08:53:20Z",
    }


def test_machine_that_tells_nothing_has_no_facts():
    assert facts({"/proc/stat": b"btime soon\n", "/etc/os-release": b"\xff\xfe"}) == {}


def test_news_are_told_until_the_server_has_them():
    system = {"hostname": "one"}
    machine = MachineFacts(Disk(), lambda: dict(system), {})
    machine.registration()
    assert machine.news() is None

    system["hostname"] = "two"
    news = machine.news()
    assert news == {"hostname": "two"}
    assert machine.news() == news
    machine.note_told(news)
    assert machine.news() is None


def test_public_key_of_the_ssh_server_is_told_without_its_comment_once_there_is_one():
    disk, file = Disk(), PurePath("/state/ssh_host_key.pub")
    machine = MachineFacts(disk, dict, {}, file)
    assert machine.registration()["facts"] == {}

    disk.files[file] = b"ssh-ed25519 AAAAC3Nz root@till-3\n"
    assert machine.news() == {"ssh_host_keys": ["ssh-ed25519 AAAAC3Nz"]}


def test_long_names_are_shortened_to_what_the_server_takes():
    assert len(facts(hostname="x" * 1000)["hostname"]) == 255
