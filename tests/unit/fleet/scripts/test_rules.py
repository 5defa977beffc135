"""What a script may be, and the command that a run of it is: in a real shell each value arrives as it is."""

import subprocess

import pytest

from chalicelib.fleet.scripts import rules
from chalicelib.fleet.scripts.model import NewScript, Parameter, ParameterType, Script, ScriptCall
from chalicelib.fleet.scripts.rules import (
    NO_ENVIRONMENT,
    NO_ENVIRONMENT_EXIT_CODE,
    SECRETS_VARIABLE,
    TEXT_LIMIT_BYTES,
    check,
    secrets_of,
)
from chalicelib.kit.errors import BLANK, EdgeError, at_most_bytes

TEXT = Parameter(name="TEXT", type=ParameterType.STRING)
COUNT = Parameter(name="COUNT", type=ParameterType.INTEGER, minimum=1, maximum=9, default=3)
FORCE = Parameter(name="FORCE", type=ParameterType.BOOLEAN, required=True)
COLOUR = Parameter(name="COLOUR", type=ParameterType.ENUM, values=("red", "green"))


def script(*parameters, text='printf %s "$TEXT"'):
    now = "2026-11-21T10:00:00Z"
    return Script(
        id="say", name="say", script_text=text, parameters=parameters, inserted_at=now, updated_at=now, version=7
    )


def command_text(script, given=None, **secrets):
    return rules.command_text(script, ScriptCall(name=script.name, parameters=given or {}, secrets=secrets))


def details(call, *arguments):
    with pytest.raises(EdgeError) as error:
        call(*arguments)
    return error.value.details


class TestCommand:
    @pytest.mark.parametrize(
        "value", ["plain", "two words", "it's", '"; touch /tmp/never; "', "$(id)", "`id`", "a\nb", "-n", "\\", "é", ""]
    )
    def test_value_arrives_in_the_shell_as_it_was_given(self, value):
        text = command_text(script(TEXT), {"TEXT": value})
        ran = subprocess.run(["/bin/sh", "-c", text], capture_output=True, check=True)

        assert ran.stdout.decode() == value

    def test_command_tells_script_and_version_and_keeps_the_text(self):
        text = command_text(script(COUNT, FORCE, COLOUR, text="./deploy\n"), {"FORCE": True})

        assert text == "# say, version 7\nexport COUNT=3\nexport FORCE=true\nunset COLOUR\n./deploy\n"

    def test_integers_and_booleans_may_come_as_texts(self):
        text = command_text(script(COUNT, FORCE), {"COUNT": "9", "FORCE": "false"})

        assert "export COUNT=9\nexport FORCE=false\n" in text

    def test_each_wrong_value_is_named_with_what_is_allowed(self):
        given = {"COUNT": 10, "COLOUR": "blue", "TEXT": "\0", "OTHER": 1}

        assert details(command_text, script(TEXT, COUNT, FORCE, COLOUR), given) == {
            "parameters.OTHER": ["is unknown. Allowed: TEXT, COUNT, FORCE, COLOUR"],
            "parameters.TEXT": ["'\\x00' is not allowed. Allowed: a text without a zero byte"],
            "parameters.COUNT": ["'10' is not allowed. Allowed: an integer, at least 1, at most 9"],
            "parameters.FORCE": ["is required: true, false"],
            "parameters.COLOUR": ["'blue' is not allowed. Allowed: red, green"],
        }

    @pytest.mark.parametrize(
        ("parameter", "value"), [(COUNT, True), (COUNT, "x"), (COUNT, 0), (FORCE, 1), (FORCE, "yes"), (TEXT, 1)]
    )
    def test_value_of_another_type_is_refused(self, parameter, value):
        given = {"FORCE": True, parameter.name: value}

        assert set(details(command_text, script(TEXT, COUNT, FORCE), given)) == {f"parameters.{parameter.name}"}


class TestSecrets:
    PASSWORD = Parameter(name="PASSWORD", type=ParameterType.STRING, sensitive=True, required=True)
    TOKEN = Parameter(name="TOKEN", type=ParameterType.STRING, sensitive=True, secret="ci-token")

    def ran(self, environment):
        text = command_text(script(self.PASSWORD, self.TOKEN, text="echo ran"), PASSWORD="db-password")
        return subprocess.run(["/bin/sh", "-c", text], capture_output=True, check=False, env=environment)

    def test_run_names_secrets_and_the_script_the_others(self):
        call = ScriptCall(name="say", secrets={"PASSWORD": "db-password"})

        assert secrets_of(script(self.PASSWORD, self.TOKEN), call) == {"PASSWORD": "db-password", "TOKEN": "ci-token"}

    def test_secret_that_neither_names_is_an_unset_variable(self):
        optional = self.PASSWORD.model_copy(update={"required": False})

        assert "\nunset PASSWORD\n" in command_text(script(optional))
        assert secrets_of(script(optional), ScriptCall(name="say")) == {}

    def test_text_names_secrets_and_sets_no_variable_for_them(self):
        text = command_text(script(self.PASSWORD, text="true"), PASSWORD="db-password")

        assert text.splitlines()[2:] == ["# PASSWORD is the secret db-password", "true"]

    @pytest.mark.parametrize("environment", [{}, {"PASSWORD": "x", "TOKEN": "y"}, {SECRETS_VARIABLE: "PASSWORD"}])
    def test_agent_that_sets_no_secrets_runs_nothing_and_says_why(self, environment):
        ended = self.ran(environment)

        assert (ended.returncode, ended.stdout) == (NO_ENVIRONMENT_EXIT_CODE, b"")
        assert ended.stderr.decode() == f"{NO_ENVIRONMENT}\n"

    def test_agent_that_sets_them_runs_the_script(self):
        assert self.ran({SECRETS_VARIABLE: "PASSWORD TOKEN"}).stdout == b"ran\n"

    def test_value_in_place_of_a_secret_is_refused_and_not_repeated(self):
        wrong = details(command_text, script(self.PASSWORD, TEXT), {"PASSWORD": "hunter2"})

        assert wrong["parameters.PASSWORD"] == ["is sensitive: give the name of a secret, in secrets"]
        assert "hunter2" not in str(wrong)

    def test_secret_for_a_parameter_that_is_not_sensitive_is_refused(self):
        with pytest.raises(EdgeError) as error:
            command_text(script(TEXT, self.TOKEN), TEXT="db-password", NOTHING="db-password")

        refusal = ["is not a sensitive parameter. Allowed: TOKEN"]
        assert error.value.details == {"secrets.TEXT": refusal, "secrets.NOTHING": refusal}

    def test_required_secret_that_is_not_named_is_refused(self):
        assert details(command_text, script(self.PASSWORD)) == {
            "secrets.PASSWORD": ["is required: the name of a secret"]
        }


class TestCheck:
    def test_text_that_is_blank_too_long_or_has_a_zero_byte_is_refused(self):
        assert details(check, NewScript("say", " \n")) == {"script_text": [BLANK]}
        assert details(check, NewScript("say", "é" * TEXT_LIMIT_BYTES)) == {
            "script_text": [at_most_bytes(TEXT_LIMIT_BYTES)]
        }
        assert details(check, NewScript("say", "a\0")) == {"script_text": ["cannot contain a zero byte"]}

    @pytest.mark.parametrize(
        ("further", "refusal"),
        [
            ({"values": ("a",)}, "values are given for the type enum, and for no other"),
            ({"type": ParameterType.ENUM}, "values are given for the type enum, and for no other"),
            (
                {"type": ParameterType.ENUM, "values": ("a\0",)},
                "values cannot contain a zero byte",
            ),
            ({"minimum": 1}, "minimum and maximum are for the type integer"),
            (
                {"type": ParameterType.INTEGER, "minimum": 2, "maximum": 1},
                "minimum 2 is larger than maximum 1",
            ),
            ({"secret": "db-password"}, "secret is for sensitive parameters"),
            ({"sensitive": True, "type": ParameterType.INTEGER}, "a sensitive parameter has the type string"),
            (
                {"sensitive": True, "default": "a"},
                "a sensitive parameter has neither default nor pattern: its value is a secret",
            ),
            ({"type": ParameterType.INTEGER, "pattern": "1"}, "pattern is for the type string"),
            ({"pattern": "a", "default": "b"}, "default 'b' is not allowed. Allowed: a text that matches a"),
            ({"default": 1}, "default '1' is not allowed. Allowed: a text without a zero byte"),
        ],
    )
    def test_parameter_that_contradicts_itself_is_refused(self, further, refusal):
        wrong = TEXT.model_copy(update=further)

        assert details(check, NewScript("say", "true", parameters=(wrong,))) == {"parameters.0": [f"TEXT: {refusal}"]}

    def test_parameter_that_is_given_twice_is_refused(self):
        new = NewScript("say", "true", parameters=(TEXT, TEXT))

        assert details(check, new) == {"parameters.1": ["TEXT: is given twice"]}
