import asyncio
import os
import pwd
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from edge_agent.cli import EXIT_FATAL, option_parser, options_of
from edge_agent.composition import enrol_machine
from edge_agent.enrollment_key import KeySource
from edge_agent.errors import FatalError, RefusedError, describe
from edge_agent.event_log import EventLog
from edge_agent.options import Options
from edge_agent.ports.clock import SystemClock

EXIT_FAILED = 1


def enrol(arguments: Sequence[str]) -> int:
    """Run `edge-agent enrol`: enrol this machine and delete the key file, so that the agent needs no key.

    With `--user`, as root, the key is read as root; everything else is done as that user, who owns the state directory.
    Exit status: 0, 1 an error that may pass, 2 somebody has to act. The file is deleted only on success.
    """
    parser = option_parser()
    parser.prog = "edge-agent enrol"
    parser.add_argument("--user", metavar="NAME", help="the user that the agent is to run as; only root may say so")
    parsed = parser.parse_args(arguments)
    log = EventLog(sys.stderr, SystemClock())
    try:
        options = options_of(parsed, os.environ, sys.stdin)
        key = options.keys.read()
        options = replace(options, keys=KeySource(lambda: key, options.keys.insecure_http))
        status = _as_user(parsed.user, options, lambda: _enrol(options, log))
        if status == 0 and key and parsed.enrollment_key_file not in {None, "-"}:
            Path(parsed.enrollment_key_file).unlink(missing_ok=True)
            log.write("enrollment_key.deleted", file=parsed.enrollment_key_file)
    except (FatalError, OSError) as error:
        log.write("enrollment.failed", reason=describe(error))
        return EXIT_FATAL
    return status


def _enrol(options: Options, log: EventLog) -> int:
    try:
        asyncio.run(enrol_machine(options, log))
    except (FatalError, RefusedError) as error:
        log.write("enrollment.failed", reason=describe(error))
        return EXIT_FATAL
    except OSError as error:
        log.write("enrollment.failed", reason=describe(error))
        return EXIT_FAILED
    except KeyboardInterrupt:
        log.write("enrollment.interrupted")
        return EXIT_FAILED
    return 0


def _as_user(name: str | None, options: Options, work: Callable[[], int]) -> int:
    if name is None:
        return work()
    try:
        account = pwd.getpwnam(name)
    except KeyError:
        raise FatalError(f"there is no user {name}") from None
    with suppress(FileExistsError):
        Path(options.state_dir).mkdir(mode=0o700, parents=True)
        os.chown(options.state_dir, account.pw_uid, account.pw_gid)
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = EXIT_FAILED
    try:
        os.initgroups(name, account.pw_gid)
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
        status = work()
    finally:
        os._exit(status)
