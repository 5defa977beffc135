"""The stage's secret, and a container that reads it."""

import json

from pydantic import SecretStr

from chalicelib.kit.errors import EdgeError
from chalicelib.kit.log import Log
from chalicelib.platform.access.keys import OPERATOR_KEYS, load_keys
from chalicelib.platform.access.stage_secret import StageSecret
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.log import Lines


class Secrets:
    """Secrets Manager with one secret; ``down`` makes it unreachable."""

    def __init__(self, **values):
        self.values = values
        self.text = None
        self.down = False
        self.asked = 0

    def read(self, arn):
        assert arn == "arn"
        self.asked += 1
        if self.down:
            raise ConnectionError("no route")
        return self.text or json.dumps(self.values)


class Container:
    def __init__(self, secrets, *, master=None, api=None, shortest=0):
        self.clock = FakeClock()
        self.lines = Lines()
        log = Log(self.lines, self.clock)
        self.secret = StageSecret("arn", secrets.read, self.clock, log)
        given = (None if key is None else SecretStr(key) for key in (master, api))
        self.keys = load_keys(*given, None, self.secret, self.clock, log, shortest=shortest)

    def knows(self, key, accepted=OPERATOR_KEYS):
        """The name of a key, None for one that is refused."""
        try:
            return self.keys.identify(key, accepted)
        except EdgeError:
            return None

    def refusal(self, key, accepted=OPERATOR_KEYS):
        """The kind of error with which a key is refused; None for one that is accepted."""
        try:
            self.keys.identify(key, accepted)
        except EdgeError as error:
            return error.kind
        return None

    def logged(self, event):
        return [line for line in self.lines.records if line["event"] == event]
