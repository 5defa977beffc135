import json
from datetime import UTC

from pydantic import BaseModel, SecretStr, ValidationError

from chalicelib.kit.clock import parse_time, to_microseconds_text
from chalicelib.kit.log import Level, Log
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.log import Lines

LEVELS_OF_LAMBDA = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"}
"""AWS Lambda developer guide, "Log-level filtering"; any other, or a line without a time, becomes INFO there."""


class Port(BaseModel):
    number: int


def fail(cause):
    if cause is None:
        raise KeyError("what was missing")
    raise RuntimeError("outer") from cause


def failing(cause=None):
    try:
        fail(cause)
    except (KeyError, RuntimeError) as error:
        return error


def test_log_line_is_one_json_object_without_empty_fields():
    lines = Lines()
    clock = FakeClock()
    Log(lines, clock).line("request", level=Level.WARNING, status=200, actor=None, route="/größe\n")
    assert lines.texts[0].count("\n") == 1
    assert json.loads(lines.texts[0]) == {
        "timestamp": to_microseconds_text(clock.now()),
        "level": "warn",
        "event": "request",
        "status": 200,
        "route": "/größe\n",
    }


def test_log_line_has_level_and_time_in_the_form_lambda_reads():
    lines = Lines()
    for level in Level:
        Log(lines, FakeClock()).line("request", level=level)
    assert {line["level"].upper() for line in lines.records} <= LEVELS_OF_LAMBDA
    assert all(parse_time(line["timestamp"]).tzinfo is UTC for line in lines.records)


def test_logged_secret_is_masked_and_unknown_object_shown_by_type():
    lines = Lines()
    Log(lines, FakeClock()).line("request", key=SecretStr("s3cret"), thing=Port(number=1))
    assert lines.records[0]["key"] == "**********"
    assert lines.records[0]["thing"] == "Port"


def test_logged_bytes_and_exceptions_show_no_content():
    lines = Lines()
    Log(lines, FakeClock()).line(
        "request", key=b"s3cret", failed=RuntimeError("s3cret"), nested={"key": SecretStr("s3cret")}
    )
    assert lines.records[0] | {"timestamp": "", "level": "", "event": ""} == {
        "timestamp": "",
        "level": "",
        "event": "",
        "key": "bytes",
        "failed": "RuntimeError",
        "nested": {"key": "**********"},
    }


def test_lone_surrogate_in_a_logged_text_is_accepted():
    lines = Lines()
    Log(lines, FakeClock()).line("request", route="/\ud800")
    assert lines.records[0]["route"] == "/\ud800"


def test_logged_failure_has_its_stack_and_causes():
    lines = Lines()
    Log(lines, FakeClock()).failure("request_failed", failing(failing()), request_id="r-1")
    record = lines.records[0]
    assert (record["level"], record["request_id"], record["error_type"], record["error"]) == (
        "error",
        "r-1",
        "RuntimeError",
        "outer",
    )
    assert [line.rsplit(" ", 1)[-1] for line in record["stack"]] == [
        "failing",
        "fail",
        "RuntimeError",
        "failing",
        "fail",
    ]
    assert __file__ in record["stack"][0]


def test_logged_validation_error_does_not_quote_the_input():
    lines = Lines()
    try:
        Port.model_validate({"number": "s3cret"})
    except ValidationError as error:
        Log(lines, FakeClock()).failure("request_failed", error)
    assert lines.records[0]["error"] == "Port: number: int_parsing"
    assert "s3cret" not in lines.texts[0]


def test_log_without_a_sink_writes_to_standard_error(capsys):
    Log(None, FakeClock()).line("request", status=204)
    captured = capsys.readouterr()
    assert json.loads(captured.err)["status"] == 204
    assert captured.out == ""
