"""What the documents and the guide tell a reader to paste does what they say, in each shell that is installed.

The blocks of a document are pasted in their order, as into one terminal, with addresses of the local cloud in place of
those that `make up` has; a command that goes on stands in a terminal of its own.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from chalicelib.kit.errors import not_found
from infra.local.cloud import LocalCloud
from infra.local.emulator import free_port
from infra.package import ROOT
from tests.e2e.cloud import Fleet, eventually, fleet
from tests.support.shell_blocks import DOCUMENTS, blocks_of, blocks_of_page

SHELLS = {
    "bash": ["bash", "--norc", "--noprofile", "-eu", "-o", "pipefail"],
    "zsh": ["zsh", "-f", "-eu", "-o", "pipefail"],
}
INSTALLED = [shell for shell in SHELLS if shutil.which(shell)]
RUN = [name for name, path in DOCUMENTS.items() if any(block.is_run for block in blocks_of(path.read_text()))]

SHOWN = {
    "README.md": "the command with its executions, the cluster with its key",
    "docs/guide-machines.md": not_found().message,
    "samples/requests/README.md": "7. Take away what this made",
    "samples/webhook_receiver/README.md": '"specversion"',
}
"""What a reader of each of these documents sees in the end. Whoever lets a further one run says that here."""

KEY_OF_THE_DOCUMENTS = "a-key-for-trying-things-out"
API_OF_THE_DOCUMENTS = "http://127.0.0.1:8080"
RECEIVER_OF_THE_DOCUMENTS = "9000"
CLUSTER_OF_THE_GUIDE = "north"

FIRST_READ = "README.md"


def pasted_by(document: str) -> list[object]:
    """A document with each shell. All but the first are slow: what their blocks call has tests of its own, and zsh
    differs in the same few things everywhere."""
    marks = [] if document == FIRST_READ else [pytest.mark.slow]
    return [pytest.param(document, shell, marks=marks) for shell in INSTALLED]


pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="the documents call the API with curl")


class Desk:
    """A folder that looks like the repository's root after `make setup`, and terminals in it."""

    def __init__(self, folder: Path, cloud: LocalCloud, shell: str) -> None:
        (folder / "samples").symlink_to(ROOT / "samples")
        (folder / "build").mkdir()
        (folder / "build" / "receiver").symlink_to(sys.prefix)
        self._output = folder / "aside"
        self._output.touch()
        self._folder = folder
        self._shell = SHELLS[shell]
        self._environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "BASE_URL": cloud.url}
        self._named = {
            KEY_OF_THE_DOCUMENTS: cloud.master_key,
            API_OF_THE_DOCUMENTS: cloud.url,
            RECEIVER_OF_THE_DOCUMENTS: str(free_port()),
        }

    def paste(self, text: str, typed: str = "") -> str:
        """Run it to its end; what it printed. Fails where any command of it fails."""
        done = subprocess.run(
            [*self._shell, "-c", self._here(text)],
            cwd=self._folder,
            env=self._environment,
            input=typed,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def going_on(self, text: str) -> Iterator[None]:
        """Run it in a terminal of its own, until the end of this context."""
        with self._output.open("wb") as output:
            process = subprocess.Popen(
                [*self._shell, "-c", "exec " + self._here(text)],
                cwd=self._folder,
                env={**self._environment, "PYTHONUNBUFFERED": "1"},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            eventually(lambda: process.poll() is not None or self._output.stat().st_size)
            yield
            assert process.poll() is None, self._output.read_text()
        finally:
            process.terminate()
            process.wait(60)

    def shown_aside(self) -> str:
        """What a command that goes on has printed by now."""
        return self._output.read_text()

    def _here(self, text: str) -> str:
        for name, value in self._named.items():
            text = text.replace(name, value)
        return text


@pytest.fixture(scope="module")
def readers(cloud: LocalCloud) -> Iterator[Fleet]:
    """A fleet of one machine; those that earlier tests played do not answer a tour any more, and go."""
    with fleet(cloud, "readers") as readers:
        for node in readers.api.items("/api/v1/nodes"):
            assert readers.api.call("DELETE", f"/api/v1/nodes/{node['id']}").status == 204
        readers.enrol(1)
        yield readers
        for webhook in readers.api.items("/api/v1/webhooks"):
            if webhook["subscribed_events"] == ["edge.node.registered", "edge.command_execution.completed"]:
                assert readers.api.call("DELETE", f"/api/v1/webhooks/{webhook['id']}").status == 204


@pytest.mark.parametrize(("name", "shell"), [each for name in sorted({*RUN, *SHOWN}) for each in pasted_by(name)])
def test_shell_blocks_of_a_document_succeed_in_order(name, shell, cloud, readers, tmp_path):
    desk = Desk(tmp_path, cloud, shell)
    pasted, printed = "", ""
    with ExitStack() as terminals:
        for block in blocks_of(DOCUMENTS[name].read_text()):
            if block.goes_on:
                printed, pasted = printed + desk.paste(pasted), ""
                terminals.enter_context(desk.going_on(block.text))
            elif block.is_run:
                pasted += block.text
        printed += desk.paste(pasted)
        eventually(lambda: SHOWN[name] in printed + desk.shown_aside())


@pytest.mark.parametrize("shell", INSTALLED)
def test_shell_blocks_of_the_guide_page_succeed_in_order(shell, cloud, readers, tmp_path):
    blocks = [block.text for block in blocks_of_page(readers.api.get("/").text)]
    cluster = f"guide-{shell}"

    printed = Desk(tmp_path, cloud, shell).paste(
        "".join(blocks).replace(CLUSTER_OF_THE_GUIDE, cluster), typed=f"{cloud.master_key}\n"
    )

    assert len(blocks) == 5
    assert f'"name":"{cluster}"' in printed
    assert '"uses_remaining":1' in printed
    assert printed.count('"total_count":0') == 2  # machines, and so executions
    assert readers.api.call("DELETE", f"/api/v1/clusters/{cluster}").status == 204
