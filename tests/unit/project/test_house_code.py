"""The linter's rules about code: each refuses and accepts its examples."""

import pytest

from infra.house import kept_errors, names, names_of_tests, purity, raises, repeats, sizes
from infra.house.sources import Source


def found(find, text: str) -> list[int]:
    """The lines of the findings in a file with this text."""
    return [each.line for each in find(Source("chalicelib/example.py", text))]


@pytest.mark.parametrize(
    "text",
    [
        "from datetime import datetime\nnow = datetime.now()",
        "from datetime import datetime as moment\nnow = moment.utcnow()",
        "import datetime\ntoday = datetime.date.today()",
        "import time\nnow = time.time()",
        "import time as t\nstart = t.perf_counter_ns()",
        "from time import monotonic as clock\nstart = clock()",
        "import time\ndef count(clock=time.monotonic): ...",
        "from chalicelib.kit.clock import SystemClock\nclock = SystemClock()",
        "from chalicelib.kit import clock\nnow = clock.SystemClock().now()",
    ],
)
def test_clock_is_refused_where_it_is_read_or_passed_on(text):
    assert found(purity.find_clock, text) == [2]


@pytest.mark.parametrize(
    "text",
    [
        "from datetime import UTC, datetime\nepoch = datetime(1970, 1, 1, tzinfo=UTC)",
        "from datetime import datetime\ndef store(now: datetime): return now.isoformat()",
        "def store(clock): return clock.now()",
        "import time\nzone = time.timezone",
        "from chalicelib.kit.clock import SystemClock\ndef store(clock: SystemClock): ...",
    ],
)
def test_clock_is_accepted_as_an_argument(text):
    assert found(purity.find_clock, text) == []


@pytest.mark.parametrize(
    "text",
    [
        "import uuid\nkey = uuid.uuid4()",
        "from uuid import uuid1 as new\nkey = new().hex",
        "import random\nshare = random.random()",
        "from random import choice\none = choice([1, 2])",
        "import random\nrng = random.Random()",
        "import secrets\ntoken = secrets.token_bytes(16)",
        "import os\nraw = os.urandom(16)",
        "import uuid\nfield = dict(default_factory=uuid.uuid4)",
        "from chalicelib.kit.ids import Ids\nids = Ids()",
    ],
)
def test_randomness_is_refused_where_it_is_drawn(text):
    assert found(purity.find_randomness, text) == [2]


@pytest.mark.parametrize(
    "text",
    [
        "import uuid\nkey = uuid.uuid5(uuid.UUID(int=1), 'name')",
        "import random\nrng = random.Random(7)",
        "import random\ndef draw(rng: random.Random): return rng.random()",
        "import secrets\nsame = secrets.compare_digest('a', 'b')",
        "def tokens(secrets): return secrets.token_bytes",
        "def draw(ids): return ids.token_bytes(16)",
        "from chalicelib.kit.ids import Ids\ndef draw(ids: Ids): ...",
    ],
)
def test_randomness_is_accepted_from_an_argument_or_a_seed(text):
    assert found(purity.find_randomness, text) == []


@pytest.mark.parametrize(
    "text",
    [
        "import time\ntime.sleep(1)",
        "from time import sleep as pause\npause(1)",
        "def wait(clock):\n    clock.sleep(1)",
        "import threading\nthreading.Event().wait(1)",
        "from threading import Event as Flag\nFlag().wait(1)",
    ],
)
def test_sleep_in_code_is_refused(text):
    assert found(purity.find_sleep, text) == [2]


def test_waiting_for_other_threads_and_processes_is_accepted():
    assert (
        found(purity.find_sleep, "from concurrent import futures\nfutures.wait([])\ndef join(process): process.wait()")
        == []
    )


@pytest.mark.parametrize(
    "text",
    [
        "def read(client):\n    client.scan(TableName='nodes')",
        "def read(client):\n    client.get_paginator('scan')",
        "def read(client):\n    client.execute_statement(Statement='SELECT * FROM nodes')",
        "GRANTS = [\n    'dynamodb:Scan']",
    ],
)
def test_table_scan_is_refused_as_a_call_and_as_a_grant(text):
    assert found(purity.find_scan, text) == [2]


def test_table_query_is_accepted_where_scan_is_not():
    assert found(purity.find_scan, "def read(client): return client.query(), client.get_paginator('query')") == []


@pytest.mark.parametrize(
    "text",
    [
        "from chalicelib.kit.errors import taken\nTAKEN = taken('name')",
        "from chalicelib.kit import errors\nGONE: errors.EdgeError = errors.not_found()",
        "class Reader:\n    BROKEN = ValueError('broken')",
        "def gone() -> EdgeError: ...\nGONE = gone()",
    ],
)
def test_error_that_a_module_keeps_is_refused(text):
    assert found(kept_errors.find, text) == [2]


@pytest.mark.parametrize(
    "text",
    [
        "from chalicelib.kit.errors import taken\ndef name_taken():\n    error = taken('name')\n    return error",
        "from chalicelib.kit.errors import at_most_bytes\nTEXT = at_most_bytes(8)",
        "BROKEN = ValueError",
    ],
)
def test_error_that_is_made_where_it_is_raised_is_accepted(text):
    assert found(kept_errors.find, text) == []


@pytest.mark.parametrize(
    "text",
    [
        'nodes = 1\n"""The nodes."""',
        'def list_nodes():\n    """Lists the nodes."""',
        'class ClusterStore:\n    """A store of clusters."""',
        'class Nodes:\n    """Keeps nodes."""\n    def get(self):\n        """Get the node."""',
    ],
)
def test_docstring_that_only_repeats_its_name_is_refused(text):
    assert len(found(repeats.find, text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        'def list_nodes():\n    """Lists the nodes of a cluster, newest first."""',
        'def timeout():\n    """Milliseconds."""',
        "# nodes\nnodes = 1",
        '"""The nodes."""',
    ],
)
def test_docstring_that_adds_something_is_accepted(text):
    assert found(repeats.find, text) == []


@pytest.mark.parametrize(
    "sentence",
    [
        "Raises not_found.",
        "Raises conflict where two write.",
        "Raises nothing.",
        "Raises EdgeError bad_request.",
        "Raises `EdgeError`: not found.",
        "Raises `EdgeError` conflict for another.",
        "Raises `EdgeError` (unavailable).",
        "Raises `EdgeError` (not found, gone).",
        "Raises UnsealError for changed bytes.",
        "Raises what the client raises.",
    ],
)
def test_raises_of_another_form_is_refused(sentence):
    assert found(raises.find, f'def get():\n    """Get it. {sentence}"""') == [2]


@pytest.mark.parametrize(
    "sentence",
    [
        "Raises `EdgeError` (not found).",
        "Raises `EdgeError` (not found, conflict) as `delete` does.",
        "Raises ValueError for an empty text.",
        "Raises KeyError, and `UnsealError` for changed bytes.",
        "Passes on the client's errors.",
        "A loop that never raises anything.",
    ],
)
def test_raises_of_the_common_form_is_accepted(sentence):
    assert found(raises.find, f'def get():\n    """Get it. {sentence}"""') == []


@pytest.mark.parametrize(
    "text",
    [
        "def bury(): ...",
        "class Doors: ...",
        "def next(place): ...",
        "last_place = 1",
        "def _place_of(row): ...",
        "_chance = 1",
        "_NODE_PLACE = 0",
    ],
)
def test_name_with_a_better_term_is_refused(text):
    assert found(names.find, text) == [1]


@pytest.mark.parametrize(
    "text", ["def soft_delete(): ...", "replaced = 1", "placeholder = 1", "placement = 1", "use(place)"]
)
def test_name_in_terms_of_the_field_is_accepted(text):
    assert found(names.find, text) == []


def test_file_of_300_lines_is_accepted_and_a_longer_one_refused():
    assert found(sizes.find, "a = 1\n" * 300) == []
    assert found(sizes.find, "a = 1\n" * 301) == [301]


@pytest.mark.parametrize(
    "name",
    ["test_unknown_cluster_is_404", "test_smallest_subnet_is_a_slash_30", "testing_of_it", "what_is_no_test"],
)
def test_test_name_with_a_subject_is_accepted(name):
    assert found(names_of_tests.find, f"def {name}(): ...") == []


@pytest.mark.parametrize(
    "name",
    [
        "test_it_is_read_at_most_every_ten_seconds",
        "test_what_is_no_key_is_refused",
        "test_nor_is_one_of_another_kind",
        "test_ids",
        "test_ids_sort",
        f"test_unknown_cluster_{'very_' * 12}is_404",
    ],
)
def test_test_name_without_a_subject_or_too_long_is_refused(name):
    assert found(names_of_tests.find, f"class TestIds:\n    def {name}(self): ...") == [2]
    assert found(names_of_tests.find, f"async def {name}(): ...") == [1]
