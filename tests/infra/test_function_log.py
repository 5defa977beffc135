"""Lines of functions in the local cloud, beyond what one answer holds."""

import pytest

from infra.local.function_log import AT_ONCE, lines_of
from tests.support.emulator import Emulator

GROUP = "/app/local/api_handler"


@pytest.mark.parametrize("in_a_millisecond", [1, 700])
def test_every_line_of_a_long_log_is_told_once_in_order(emulator: Emulator, in_a_millisecond):
    logs = emulator.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName="one")
    messages = [f"line {number}" for number in range(2 * AT_ONCE + 500)]
    started = 1_795_000_000_000
    for first in range(0, len(messages), AT_ONCE):
        events = [
            {"timestamp": started + (first + place) // in_a_millisecond, "message": message}
            for place, message in enumerate(messages[first : first + AT_ONCE])
        ]
        logs.put_log_events(logGroupName=GROUP, logStreamName="one", logEvents=events)

    assert list(lines_of(logs, GROUP)) == messages
