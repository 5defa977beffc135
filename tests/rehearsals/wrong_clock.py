"""Runs the sample agent on a machine whose clock is wrong: ``python wrong_clock.py SECONDS ARGUMENT ...``."""

import sys
from datetime import UTC, datetime, timedelta

from edge_agent.cli import main
from edge_agent.ports.clock import SystemClock

OFF = timedelta(seconds=float(sys.argv.pop(1)))

SystemClock.now = lambda _: datetime.now(UTC) + OFF

sys.exit(main())
