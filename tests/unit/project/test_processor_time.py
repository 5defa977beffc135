"""A long run tells what its tests took of a processor, so that slow ones are seen when they come."""

from collections import Counter
from types import SimpleNamespace

from tests.support.processor_time import LONG_RUN, ProcessorTime, lines_of

TAKEN = Counter(
    {"tests/a/b/test_1.py::test_x": 1.0, "tests/a/b/test_2.py::test_y": 5.0, "tests/c/test_3.py::test_z": 2.0}
)


class Terminal:
    def __init__(self):
        self.lines = []

    def write_sep(self, _sign, title):
        self.lines.append(title)

    def write_line(self, line):
        self.lines.append(line)


def test_seconds_are_told_by_folder_and_long_tests_by_name():
    assert lines_of(TAKEN) == [
        "     8.0 s  3 tests",
        "     6.0 s  tests/a/b",
        "     2.0 s  tests/c",
        "1 tests take 4 s or more: make them cheaper, or mark them as slow and say why",
        "     5.0 s  tests/a/b/test_2.py::test_y",
    ]


def reported(count):
    """What a run of so many tests tells."""
    plugin, terminal = ProcessorTime(), Terminal()
    for number in range(count):
        properties = [("processor_seconds", 0.5)]
        plugin.pytest_runtest_logreport(
            SimpleNamespace(when="teardown", nodeid=f"tests/a/test_b.py::test_{number}", user_properties=properties)
        )
    plugin.pytest_terminal_summary(terminal)
    return terminal.lines


def test_run_of_a_few_tests_tells_nothing():
    assert reported(LONG_RUN - 1) == []


def test_long_run_tells_what_the_reports_of_its_workers_say():
    title, total, folder, *_ = reported(LONG_RUN)
    assert title == "seconds of a processor"
    assert total.split() == ["500.0", "s", "1000", "tests"]
    assert folder.split() == ["500.0", "s", "tests/a"]
