"""The guide's calls, as they stand on the page, do what it says."""

import html
import json
import re
import shlex

from tests.contract.application import Application
from tests.world import MASTER_KEY


def calls_of(page: str) -> list[tuple[str, str, dict | None]]:
    """Method, path and body of each curl command of a page."""
    shown = "\n".join(re.findall(r"<pre>(.*?)</pre>", page, re.DOTALL))
    calls = []
    for command in re.split(r"^(?=curl )", html.unescape(shown), flags=re.MULTILINE)[1:]:
        _, options, url, *rest = shlex.split(command)
        assert options == "${api[@]}"
        assert url.startswith("$EDGE/")
        assert rest[:1] in ([], ["-d"])
        calls.append(("POST" if rest else "GET", url.removeprefix("$EDGE"), json.loads(rest[1]) if rest else None))
    return calls


def test_the_first_steps_work_in_their_order():
    app = Application(default_cluster_name=None)
    client = app.client.with_key(MASTER_KEY)
    calls = calls_of(client.get("/").text)
    assert len(calls) == 5
    last: dict = {}
    for method, path, body in calls:
        # The application has a cluster of the guide's name, with machines in it.
        sent = {**body, "name": "fresh"} if path == "/api/v1/clusters" else body
        options = {} if sent is None else {"json": sent}
        answer = client.request(method, path.replace("ID_OF_THE_COMMAND", last.get("id", "")), **options)
        assert answer.status == (201 if sent else 200), answer.text
        app.world.settle()
        if sent is None:
            assert len(answer.data) == 2
        else:
            last = answer.data
