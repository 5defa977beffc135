"""Keys are rotated under load, by the commands of docs/operations.md: operators' keys, the data key, a named key."""

import json
from contextlib import closing

from tests.e2e.api import Api
from tests.rehearsals.load import ASKED, Load
from tests.rehearsals.stage import RehearsalFailedError, Stage

AGENTS = 2
REVOKED_SECONDS = 330.0
"""A withdrawn key ends within five minutes."""

OK, UNAUTHORIZED = 200, 401


def play(stage: Stage) -> None:
    with stage.fleet("keys") as fleet:
        agents = stage.enrol(fleet, AGENTS)
        before = stage.api.key
        with Load(stage, fleet, agents, before) as load:
            stage.runbook("infra.rotate", "operator-key", "--key", "MASTER_KEY")
            _use_the_new_one(stage, before)
            stage.say("the new master key works at once")
            stage.say(stage.runbook("infra.rotate", "data-key").strip().splitlines()[-1])
            _named_key(stage)
            _another(stage)
        if set(load.statuses) - {OK}:
            raise RehearsalFailedError(f"the key before, within its hour, was answered {dict(load.statuses)}")
        stage.say(f"the key before was accepted all the time: {load.statuses[OK]} answers, no other than 200")
        overlapping = stage.api.key
        with Load(stage, fleet, agents, stage.api.key):
            stage.runbook("infra.rotate", "operator-key", "--key", "MASTER_KEY", "--revoke")
            _use_the_new_one(stage, overlapping)
            for withdrawn in (before, overlapping):
                with closing(Api(stage.cloud.url, withdrawn)) as api:
                    stage.until(
                        lambda api=api: all(api.get(ASKED).status == UNAUTHORIZED for _ in range(8)),
                        "a withdrawn key to be refused",
                        REVOKED_SECONDS,
                    )
        stage.say("the withdrawn keys are refused by every function")
        stage.rest()


def _use_the_new_one(stage: Stage, before: str) -> None:
    """The stage asks by the key that the secret has now, which is accepted at once."""
    secret = stage.aws("secretsmanager").get_secret_value(SecretId=stage.cloud.state["SecretArn"])
    new = json.loads(secret["SecretString"])["MASTER_KEY"]
    if new == before:
        raise RehearsalFailedError("the secret has still the key before")
    with closing(Api(stage.cloud.url, new)) as api:
        stage.until(lambda: api.get(ASKED).status == OK, "the new key to be accepted", 30)
    stage.api.key = new


def _named_key(stage: Stage) -> None:
    """Rotated, both secrets work; revoked, none does from the next request on."""
    made = stage.sure("POST", "/api/v1/api_keys", {"name": "rehearsal", "role": "viewer"})
    path = f"/api/v1/api_keys/{made['id']}"
    rotated = stage.sure("POST", f"{path}/rotate", {"overlap_seconds": 3600})
    keys = [made["key"], rotated["key"]]
    if [_status(stage, key) for key in keys] != [OK, OK]:
        raise RehearsalFailedError("a named key, or the one before it, was refused within the overlap")
    stage.sure("DELETE", path)
    if [_status(stage, key) for key in keys] != [UNAUTHORIZED, UNAUTHORIZED]:
        raise RehearsalFailedError("a revoked key was accepted")
    stage.say("a named key was rotated with an overlap, then revoked: refused by the next request")


def _status(stage: Stage, key: str) -> int:
    with closing(Api(stage.cloud.url, key)) as api:
        return api.get(ASKED).status


def _another(stage: Stage) -> None:
    """Enrolment needs what is sealed, so it shows that both data keys can be used. The machine joins a cluster of its
    own: a command for the first one, given at the same moment, may be for it or not."""
    with stage.fleet("keys-later") as fleet:
        stage.enrol(fleet, 1)
    stage.say("a further machine enrolled under the new data key")
