"""The effect of answers on rows that others may have changed meanwhile."""

from datetime import timedelta

import pytest

from chalicelib.kit.clock import parse_time
from chalicelib.platform.provisioning.model import Desired, Seen, State
from chalicelib.platform.provisioning.outcomes import MOST_TRIES, Answer, answered, unobserved
from chalicelib.platform.provisioning.ports import AgainLaterError, GoneError, RefusedError, UnsureError
from chalicelib.platform.provisioning.rules import decide
from chalicelib.platform.provisioning.steps import Do, Step
from tests.unit.platform.provisioning.scenes import BOX, NOW, at, resource, sight

CREATED = Answer({"id": "b-1"})


def asked(state=State.PENDING, **values):
    """A row whose provider is being asked for the first time."""
    given = {"asked_at": at(0), "asked_generation": 1, "attempts": 1, "due_at": at(120), "deadline_at": at(900)}
    return resource(state, **{**given, **values})


def after(do, claimed, answer, current=None):
    return answered(current or claimed, Step(do, claimed), answer, BOX, NOW)


def ended(state):
    """A row that was given up with nothing there, and is looked at once more in a while."""
    return resource(state, is_released=True, is_seen=False, external={}, asked_at=at(-600), due_at=at(500))


class TestCreate:
    def test_accepted_one_is_being_created(self):
        row = after(Do.CREATE, asked(), CREATED)
        assert (row.state, row.external, row.attempts) == (State.CREATING, {"id": "b-1"}, 0)
        assert at(0) < row.due_at <= at(3)

    def test_refused_one_has_failed_and_returns_its_quota(self):
        row = after(Do.CREATE, asked(), Answer(error=RefusedError("Choose another size")))
        assert (row.state, row.reason, row.is_released, row.due_at) == (State.FAILED, "Choose another size", True, None)

    def test_refusal_after_a_lost_answer_keeps_the_quota_until_it_is_certain(self):
        row = after(Do.CREATE, asked(), Answer(error=RefusedError("no"), asked_before=at(-20)))
        assert (row.state, row.is_released, row.due_at) == (State.FAILED, False, at(280))

    def test_lost_answer_leaves_it_pending_and_asked_for(self):
        row = after(Do.CREATE, asked(), Answer(error=AgainLaterError("No answer")))
        assert (row.state, row.reason, row.asked_at) == (State.PENDING, "No answer", at(0))

    def test_call_that_did_nothing_was_never_made(self):
        row = after(Do.CREATE, asked(), Answer(error=AgainLaterError("Throttled", nothing_done=True)))
        assert (row.state, row.asked_at) == (State.PENDING, None)

    def test_provider_is_not_asked_before_the_time_that_it_names(self):
        row = after(Do.CREATE, asked(), Answer(error=AgainLaterError("Throttled", 40)))
        assert row.due_at == at(40)

    def test_pauses_double_up_to_the_longest(self):
        pauses = [
            (parse_time(after(Do.CREATE, asked(attempts=n), Answer(error=AgainLaterError("no"))).due_at) - NOW)
            for n in range(1, 30)
        ]
        for number, pause in enumerate(pauses):
            full = min(2 * 2**number, 60)
            assert timedelta(seconds=full // 2) <= pause <= timedelta(seconds=full)

    @pytest.mark.parametrize("state", [State.DELETING, State.FAILED, State.GONE])
    def test_resource_that_ended_meanwhile_is_looked_at_at_once_with_its_ids(self, state):
        current = asked(state, generation=2, desired=Desired.ABSENT, external={})
        row = after(Do.CREATE, asked(), CREATED, current)
        assert (row.state, row.external, row.due_at) == (state, {"id": "b-1"}, at(0))

    @pytest.mark.parametrize("answer", [CREATED, Answer(error=AgainLaterError("No answer"))])
    @pytest.mark.parametrize("state", [State.FAILED, State.GONE])
    def test_ended_one_is_looked_for_after_an_answer_that_came_late(self, state, answer):
        row = after(Do.CREATE, asked(asked_at=at(-900)), answer, ended(state))
        assert (row.due_at, row.asked_at) == (at(0), at(0))
        missed = decide(row, sight(Seen.MISSING), BOX, NOW).row
        assert at(0) < missed.due_at <= at(60)
        assert decide(missed, sight(Seen.READY), BOX, NOW + timedelta(seconds=60)).do is Do.DELETE
        over = decide(missed, sight(Seen.MISSING), BOX, NOW + timedelta(seconds=300)).row
        assert (over.asked_at, over.due_at) == (None, None if state is State.FAILED else at(600))

    @pytest.mark.parametrize("state", [State.FAILED, State.GONE])
    def test_late_call_that_did_nothing_leaves_the_last_look_of_an_ended_one(self, state):
        row = after(Do.CREATE, asked(asked_at=at(-900)), Answer(error=RefusedError("no")), ended(state))
        assert row == ended(state)

    def test_deleted_one_whose_call_did_nothing_need_not_be_waited_for(self):
        current = asked(State.DELETING, generation=2, desired=Desired.ABSENT, external={})
        row = after(Do.CREATE, asked(), Answer(error=RefusedError("no")), current)
        assert (row.state, row.asked_at, row.due_at) == (State.DELETING, None, at(0))

    def test_creation_that_names_what_is_not_found_is_tried_again(self):
        row = after(Do.CREATE, asked(), Answer(error=GoneError("no such volume")))
        assert (row.state, row.reason, row.asked_at) == (State.PENDING, "no such volume", None)

    def test_call_that_did_nothing_says_nothing_of_a_later_one(self):
        current = asked(asked_at=at(5))
        row = after(Do.CREATE, asked(), Answer(error=AgainLaterError("no", nothing_done=True)), current)
        assert row.asked_at == at(5)


class TestChange:
    def test_change_that_the_provider_took_on_is_noted(self):
        row = after(Do.CHANGE, resource(State.CHANGING), Answer())
        assert (row.state, row.asked_generation) == (State.CHANGING, 2)

    def test_refused_change_is_looked_at_again_soon(self):
        row = after(Do.CHANGE, resource(State.CHANGING), Answer(error=RefusedError("It cannot be stopped")))
        assert (row.state, row.reason, row.is_released) == (State.FAILED, "It cannot be stopped", False)
        assert row.due_at == at(60)

    @pytest.mark.parametrize("error", [AgainLaterError("busy"), GoneError("not there")])
    def test_change_that_may_work_later_is_tried_again(self, error):
        row = after(Do.CHANGE, resource(State.CHANGING), Answer(error=error))
        assert (row.state, row.reason, row.asked_generation) == (State.CHANGING, error.reason, 1)

    @pytest.mark.parametrize("error", [None, AgainLaterError("busy"), RefusedError("no")])
    def test_answer_to_an_older_generation_does_not_move_the_row(self, error):
        current = resource(State.CHANGING, generation=3)
        row = after(Do.CHANGE, resource(State.CHANGING), Answer(error=error), current)
        asked_for = 2 if error is None else 1
        assert row == current.model_copy(update={"asked_generation": asked_for, "due_at": at(0)})


class TestAct:
    def begun(self, **values):
        """A row whose provider is being asked for an act."""
        return resource(State.CHANGING, act="restart", begun_generation=2, **values)

    def test_act_that_may_have_been_carried_out_counts_as_done_with_the_doubt(self):
        row = after(Do.CHANGE, self.begun(), Answer(error=UnsureError("It is not known"), begun_before=2))
        assert (row.state, row.act, row.done_generation) == (State.READY, "", 2)
        assert (row.reason, row.asked_generation) == ("It is not known", 2)

    def test_call_that_did_nothing_was_not_begun(self):
        row = after(Do.CHANGE, self.begun(), Answer(error=AgainLaterError("busy", nothing_done=True), begun_before=1))
        assert (row.state, row.begun_generation) == (State.CHANGING, 1)

    @pytest.mark.parametrize(("begun_before", "left"), [(2, 1), (1, 1), (0, 0)])
    def test_error_before_any_call_begins_anew_whatever_was_begun_before(self, begun_before, left):
        error = AgainLaterError("not whole yet", nothing_begun=True)
        row = after(Do.CHANGE, self.begun(), Answer(error=error, begun_before=begun_before))
        assert (row.state, row.begun_generation) == (State.CHANGING, left)

    def test_lost_answer_leaves_it_begun(self):
        row = after(Do.CHANGE, self.begun(), Answer(error=AgainLaterError("no answer"), begun_before=1))
        assert (row.state, row.begun_generation, row.asked_generation) == (State.CHANGING, 2, 1)

    def test_call_that_did_nothing_says_nothing_of_a_later_one(self):
        current = self.begun().model_copy(update={"generation": 3, "begun_generation": 3})
        error = AgainLaterError("busy", nothing_done=True)
        row = after(Do.CHANGE, self.begun(), Answer(error=error, begun_before=1), current)
        assert row.begun_generation == 3


class TestDelete:
    @pytest.mark.parametrize("error", [None, GoneError("not there")])
    def test_removal_that_began_is_noted(self, error):
        row = after(Do.DELETE, resource(State.DELETING), Answer(error=error))
        assert (row.state, row.asked_generation) == (State.DELETING, 2)

    @pytest.mark.parametrize("state", [State.DELETING, State.FAILED])
    @pytest.mark.parametrize("error", [None, GoneError("not there"), AgainLaterError("No answer")])
    def test_thing_that_a_call_may_have_removed_may_be_gone(self, state, error):
        claimed = resource(state, desired=Desired.ABSENT, leased_until=at(120))
        row = after(Do.DELETE, claimed, Answer(error=error))
        assert (row.is_going, row.leased_until) == (True, None)

    @pytest.mark.parametrize("state", [State.DELETING, State.FAILED])
    @pytest.mark.parametrize("was_going", [False, True])
    @pytest.mark.parametrize("error", [RefusedError("no"), AgainLaterError("busy", nothing_done=True)])
    def test_refused_removal_leaves_it_as_an_earlier_call_has(self, state, was_going, error):
        claimed = resource(state, desired=Desired.ABSENT, leased_until=at(120), is_going=was_going)
        assert after(Do.DELETE, claimed, Answer(error=error)).is_going is was_going

    def test_refused_removal_fails_with_its_reason_and_is_looked_at_soon(self):
        row = after(Do.DELETE, resource(State.DELETING), Answer(error=RefusedError("It is protected: lift that first")))
        assert (row.state, row.is_released) == (State.FAILED, False)
        assert row.due_at == at(60), "an earlier call, whose answer was lost, may have removed it"

    def test_failed_removal_is_tried_again_at_a_slow_pace(self):
        stuck = resource(State.FAILED, desired=Desired.ABSENT, attempts=1)
        row = after(Do.DELETE, stuck, Answer(error=AgainLaterError("busy", nothing_done=True)))
        assert row.due_at > at(3000)
        assert (row.reason, row.attempts) == ("It broke", 0)

    def test_failed_removal_whose_answer_is_lost_is_looked_at_soon_three_times(self):
        dues = []
        for attempts in range(1, MOST_TRIES + 1):
            stuck = resource(State.FAILED, desired=Desired.ABSENT, attempts=attempts)
            dues.append(after(Do.DELETE, stuck, Answer(error=AgainLaterError("no answer"))).due_at > at(3000))
        assert dues == [False, False, True]

    def test_removal_that_succeeds_after_it_had_failed_is_looked_at_soon(self):
        stuck = resource(State.FAILED, desired=Desired.ABSENT, attempts=1)
        row = after(Do.DELETE, stuck, Answer())
        assert at(0) < row.due_at <= at(2)
        assert decide(row, sight(Seen.ENDED), BOX, NOW + timedelta(seconds=2)).row.state is State.GONE
        assert decide(row, sight(Seen.ENDING), BOX, NOW + timedelta(seconds=2)).row.due_at <= at(6)

    @pytest.mark.parametrize("seen", [Seen.READY, Seen.ENDING])
    def test_thing_that_a_removal_leaves_there_is_asked_for_each_hour(self, seen):
        row, steps = resource(State.FAILED, desired=Desired.ABSENT, attempts=1), []
        for _ in range(3):
            step = decide(row.model_copy(update={"due_at": at(0)}), sight(seen), BOX, NOW)
            steps.append((step.do, step.row.attempts, step.row.due_at > at(3000)))
            row = step.row
        assert steps == [(Do.WRITE, 2, False), (Do.WRITE, 3, False), (Do.WRITE, 0, True)]
        again = decide(row.model_copy(update={"due_at": at(0)}), sight(Seen.READY), BOX, NOW)
        assert again.do is Do.DELETE


class TestAnothersLease:
    """A worker comes late with its answer, while another one asks."""

    def ask(self, do, state, answer):
        own = resource(state, asked_at=at(-300), leased_until=at(-180), due_at=at(-180), begun_generation=2)
        current = own.model_copy(update={"leased_until": at(60), "due_at": at(60), "external": {}})
        return current, after(do, own, answer, current)

    @pytest.mark.parametrize("do", [Do.CREATE, Do.CHANGE, Do.DELETE])
    @pytest.mark.parametrize("error", [None, RefusedError("no"), AgainLaterError("late", nothing_done=True)])
    def test_late_answer_leaves_lease_mark_and_state_of_another_call(self, do, error):
        current, row = self.ask(do, State.CHANGING, Answer(error=error))
        assert row == current

    def test_late_answer_tells_the_id_of_its_thing(self):
        current, row = self.ask(Do.CREATE, State.PENDING, CREATED)
        assert row == current.model_copy(update={"external": {"id": "b-1"}})


class TestUnobserved:
    @pytest.mark.parametrize("state", [State.PENDING, State.CREATING, State.CHANGING, State.DELETING])
    def test_resource_at_work_waits_with_the_reason_until_its_deadline(self, state):
        row = unobserved(resource(state, deadline_at=at(60)), AgainLaterError("It is down"), BOX, NOW)
        assert (row.state, row.reason) == (state, "It is down")
        late = unobserved(resource(state, deadline_at=at(0)), AgainLaterError("It is down"), BOX, NOW)
        assert late.state is State.FAILED
        assert "It is down" in late.reason

    @pytest.mark.parametrize("state", [State.READY, State.FAILED, State.GONE])
    def test_resource_at_rest_stays_as_it_is(self, state):
        before = resource(state)
        row = unobserved(before, AgainLaterError("It is down"), BOX, NOW)
        assert row == before.model_copy(update={"due_at": at(60)}), "a look that failed is none"
