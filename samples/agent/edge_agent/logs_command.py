import argparse
import asyncio
import gzip
import os
import sys
from collections.abc import Sequence
from pathlib import Path, PurePath

from edge_agent.command_environment import CA_FILE_VARIABLE, add_state_option
from edge_agent.composition import upload_file
from edge_agent.errors import FatalError, RefusedError, UnavailableError, describe
from edge_agent.event_log import EventLog
from edge_agent.log_collection import collect_logs
from edge_agent.ports.clock import SystemClock
from edge_agent.ports.disk import SystemDisk
from edge_agent.secure_urls import keeps_secrets
from edge_agent.state_directory import StateDirectory

DEFAULT_BYTES = 4 * 1024 * 1024
EXIT_FAILED = 1
EXIT_FATAL = 2


def logs_command(arguments: Sequence[str]) -> int:
    """Run `edge-agent logs`: print the agent's log files, or PUT them, compressed by gzip, to a presigned URL.

    Exit status: 0; 1 the upload failed, and may be repeated; 2 the URL or an option is wrong, or the URL was refused.
    """
    parser = argparse.ArgumentParser(
        prog="edge-agent logs",
        description="Prints or uploads the agent's log files, without secrets and command texts.",
    )
    add_state_option(parser)
    parser.add_argument("--upload", metavar="URL", help="PUT the text to this URL, compressed by gzip")
    parser.add_argument(
        "--max-bytes",
        type=int,
        default=DEFAULT_BYTES,
        metavar="N",
        help="most bytes before compression; of a longer text the end is kept (%(default)s)",
    )
    parser.add_argument("--insecure-http", action="store_true", help="allow an http:// URL that is not on this machine")
    parsed = parser.parse_args(arguments)
    if parsed.max_bytes < 1:
        parser.error("--max-bytes must be at least 1")
    if not Path(parsed.state_dir).is_dir():
        parser.error(f"--state-dir {parsed.state_dir} does not exist")
    text = collect_logs(StateDirectory(parsed.state_dir, SystemDisk()), parsed.max_bytes)
    if parsed.upload is None:
        sys.stdout.buffer.write(text)
        return 0
    if not (keeps_secrets(parsed.upload) or parsed.insecure_http):
        parser.error("--upload needs an https:// URL")
    return _upload(parsed.upload, text)


def _upload(url: str, text: bytes) -> int:
    log = EventLog(sys.stderr, SystemClock())
    ca_file = os.environ.get(CA_FILE_VARIABLE)
    compressed = gzip.compress(text, mtime=0)
    try:
        asyncio.run(upload_file(url, compressed, PurePath(ca_file) if ca_file else None))
    except UnavailableError as error:
        log.write("logs.not_uploaded", reason=str(error))
        return EXIT_FAILED
    except (RefusedError, FatalError) as error:
        log.write("logs.refused", reason=describe(error))
        return EXIT_FATAL
    log.write("logs.uploaded", bytes=len(compressed), bytes_uncompressed=len(text))
    return 0
