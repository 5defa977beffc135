"""Shortens the collection of a whole run, which every worker of xdist makes for itself."""

import gc
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from _pytest.assertion import rewrite
from _pytest.config import Config

COLLECTIONS = (5_000, 10, 10)
"""Rarer than Python's defaults, which look after 700 new objects; much rarer, garbage of tests fills gigabytes."""


class Collecting:
    """A plugin of pytest, in each process that collects tests."""

    def __init__(self) -> None:
        gc.disable()

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> None:
        """Rewrite this worker's share of the test modules before any is imported: pytest keeps them, so each is
        rewritten by one worker in place of by all."""
        config = session.config
        worker = getattr(config, "workerinput", None)
        if worker is None or sys.dont_write_bytecode or config.args_source is not Config.ArgsSource.TESTPATHS:
            return
        files = sorted(file for folder in config.args for file in config.rootpath.glob(f"{folder}/**/test_*.py"))
        for file in files[int(worker["workerid"].removeprefix("gw")) :: worker["workercount"]]:
            with suppress(SyntaxError):  # its own collection tells
                _rewrite(file, config)

    def pytest_collection_finish(self) -> None:
        """Modules and tests stay to the end: the collector of garbage need not look at them."""
        gc.freeze()
        gc.set_threshold(*COLLECTIONS)
        gc.enable()


def _rewrite(file: Path, config: Config) -> None:
    """Keep a rewritten module where pytest's import finds it, unless it is there."""
    folder = rewrite.get_cache_dir(file)
    kept = folder / f"{file.stem}{rewrite.PYC_TAIL}"
    if rewrite.try_makedirs(folder) and rewrite._read_pyc(file, kept) is None:  # noqa: SLF001 - pytest has no other way
        source_hash, code = rewrite._rewrite_test(file, config)  # noqa: SLF001
        rewrite._write_pyc(config.stash[rewrite.assertstate_key], code, source_hash, kept)  # noqa: SLF001
