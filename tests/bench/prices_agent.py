"""How often the sample agent does what, from its own constants."""

import sys

from infra.local.agents import AGENT_FOLDER

sys.path.append(str(AGENT_FOLDER))  # a package of its own, which nobody needs to have installed

from edge_agent import health, intake, wake_up

BEAT_SECONDS = wake_up.PING_SECONDS
SOCKET_LIFE_SECONDS = sum(wake_up.LIFE_SECONDS) / len(wake_up.LIFE_SECONDS)
CONNECTED_POLL_SECONDS = intake.CONNECTED_POLL_SECONDS

LISTS_AFTER_RECONNECT = 1
"""`pending`."""

LISTS_OF_AN_EXECUTION = 1
"""`pending`, which finds it."""

HEALTH_REPORT_SECONDS = health.CHECK_SECONDS * health.REPEAT_EVERY_CHECKS["healthy"]
