"""Shortens the collection of a whole run, which every worker of xdist makes for itself."""

import gc

import pytest
from _pytest.config import Config
from _pytest.pathlib import import_path

COLLECTIONS = (20_000, 20, 20)
"""Python's defaults look through the objects of 20,000 tests again and again."""


class Collecting:
    """A plugin of pytest, in each process that collects tests."""

    def __init__(self) -> None:
        gc.disable()

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> None:
        """Import this worker's share of the test modules before the others': pytest keeps the modules that it has
        rewritten, so each is rewritten by one worker in place of by all."""
        worker = getattr(session.config, "workerinput", None)
        if worker is None or session.config.args_source is not Config.ArgsSource.TESTPATHS:
            return
        files = sorted(
            file for each in session.config.args for file in session.config.rootpath.glob(f"{each}/**/test_*.py")
        )
        for file in files[int(worker["workerid"].removeprefix("gw")) :: worker["workercount"]]:
            import_path(file, mode="importlib", root=session.config.rootpath, consider_namespace_packages=False)

    def pytest_collection_finish(self) -> None:
        """Modules and tests stay to the end: the collector of garbage need not look at them."""
        gc.freeze()
        gc.set_threshold(*COLLECTIONS)
        gc.enable()
