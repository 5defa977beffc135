"""`make rehearse`: plays the rehearsals one after the other on one local cloud, and says what it does in plain words.

python -m tests.rehearsals [NAME ...]

Exit status 0 only if every invariant held after each of them, and nothing is left running.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from subprocess import SubprocessError

import psutil
from botocore.exceptions import BotoCoreError, ClientError

from infra.local.cloud import LocalCloud
from infra.local.lifetime import Lifetime, StopRequested
from infra.local.options import Options
from tests.rehearsals.catalogue import REHEARSALS, Rehearsal
from tests.rehearsals.stage import SETTINGS, SWEEP_SECONDS, RehearsalFailedError, Stage

FAILURES = (
    RehearsalFailedError,
    AssertionError,
    OSError,
    RuntimeError,
    LookupError,
    SubprocessError,
    ClientError,
    BotoCoreError,
)

LEFT_SECONDS = 60.0
"""What commands of machines that were killed may still run for."""


def main(arguments: Sequence[str]) -> int:
    names = [each.name for each in REHEARSALS]
    parser = argparse.ArgumentParser(prog="make rehearse")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}; all if none is named")
    parser.add_argument("--go-on", action="store_true", help="after one that failed, play the others all the same")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(names):
        parser.error(f"no rehearsal {', '.join(sorted(unknown))}: {', '.join(names)}")
    asked = [each for each in REHEARSALS if not options.names or each.name in options.names]
    Lifetime()
    try:
        with tempfile.TemporaryDirectory() as home:
            # What is started inherits it, so that whatever is left can be found.
            os.environ["HOME"] = home
            failed = play(asked, go_on=options.go_on)
            left = _left(home)
    except StopRequested:
        print("\nstopped", file=sys.stderr)
        return 130
    except FAILURES as error:
        print(f"\nmake rehearse failed: {error}", file=sys.stderr)
        return 1
    for each in left:
        print(f"still running: {each}", file=sys.stderr)
    if failed or left:
        print(f"\nmake rehearse failed: {', '.join(failed) or 'something was left'}", file=sys.stderr)
        return 1
    return 0


def play(rehearsals: Sequence[Rehearsal], *, go_on: bool) -> list[str]:
    """Play them; returns the names of those that failed. It ends with the first, unless it is to go on."""
    began, passed, failed = time.monotonic(), [], []

    def say(text: str) -> None:
        print(f"  {time.monotonic() - began:6.1f} s  {text}", flush=True)

    print("Starting a local cloud that keeps its state", flush=True)
    options = Options(
        settings=SETTINGS,
        sweep_seconds=SWEEP_SECONDS,
        keeps_state=True,
        sweeps_rarely=False,
        families="fleet",
    )
    with LocalCloud(options, lambda text, _: say(text)) as cloud, closing(Stage(cloud, say)) as stage:
        for each in rehearsals:
            at = time.monotonic()
            print(f"\n{each.name}: {each.title}", flush=True)
            try:
                each.play(stage)
            except FAILURES as error:
                say(f"{each.name} FAILED: {type(error).__name__} {error}")
                failed.append(each.name)
                if not go_on:
                    break
            else:
                passed.append(each.name)
            say(f"{each.name} took {time.monotonic() - at:.0f} s")
    print(
        f"\n{len(passed)} of {len(rehearsals)} rehearsals passed, in {time.monotonic() - began:.0f} s; all is stopped"
    )
    return failed


def _left(home: str) -> list[str]:
    """Command lines of processes that were started and are still there after a while."""
    deadline = time.monotonic() + LEFT_SECONDS
    while (left := _with_home(home)) and time.monotonic() < deadline:
        time.sleep(1)
    return left


def _with_home(home: str) -> list[str]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get("HOME") == home:
                found.append(" ".join(process.cmdline()))
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
