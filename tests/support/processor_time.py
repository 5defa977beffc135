"""The processor time of tests, told at the end of a long run: by folder, and each test that takes long.

It counts the process of the test and the processes that it waited for, with the fixtures that the test was the first to
need. The functions of the local cloud are not in it.
"""

import os
import time
from collections import Counter
from typing import Any

import pytest

PROPERTY = "processor_seconds"
LONG_RUN = 1_000
"""Tests of a run that is told of."""

LONG_SECONDS = 4.0
FOLDERS = 12


class ProcessorTime:
    """A plugin of pytest, in the workers of xdist and in the process that they report to."""

    def __init__(self) -> None:
        self._began = 0.0
        self._seconds: Counter[str] = Counter()

    def pytest_runtest_logstart(self) -> None:
        self._began = _spent()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, call: pytest.CallInfo[None]) -> Any:
        report = yield
        if call.when == "teardown":
            report.user_properties.append((PROPERTY, _spent() - self._began))
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "teardown":
            self._seconds[report.nodeid] = dict(report.user_properties).get(PROPERTY, 0.0)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if len(self._seconds) >= LONG_RUN:
            terminalreporter.write_sep("=", "seconds of a processor")
            for line in lines_of(self._seconds):
                terminalreporter.write_line(line)


def lines_of(seconds: Counter[str]) -> list[str]:
    """The sum, that of the costliest folders, and the tests above `LONG_SECONDS`, by their seconds."""
    folders: Counter[str] = Counter()
    for nodeid, spent in seconds.items():
        folders["/".join(nodeid.partition("::")[0].split("/")[:-1][:3])] += spent
    long = [(nodeid, spent) for nodeid, spent in seconds.most_common() if spent >= LONG_SECONDS]
    return [
        f"{sum(seconds.values()):8.1f} s  {len(seconds)} tests",
        *(f"{spent:8.1f} s  {folder}" for folder, spent in folders.most_common(FOLDERS)),
        f"{len(long)} tests take {LONG_SECONDS:.0f} s or more: make them cheaper, or mark them as slow and say why",
        *(f"{spent:8.1f} s  {nodeid}" for nodeid, spent in long),
    ]


def _spent() -> float:
    times = os.times()
    return time.process_time() + times.children_user + times.children_system
