"""The life of a resource, combination by combination."""

from datetime import timedelta

import pytest

from chalicelib.kit.clock import parse_time
from chalicelib.platform.provisioning.model import Desired, Observation, Power, Seen, State
from chalicelib.platform.provisioning.moves import MOST_MISSES
from chalicelib.platform.provisioning.ports import Kind
from chalicelib.platform.provisioning.rules import LIFE, decide
from chalicelib.platform.provisioning.steps import Do
from tests.unit.platform.provisioning.scenes import BOX, NOW, at, no_driver, resource, sight

W, CR, CH, DE = Do.WRITE, Do.CREATE, Do.CHANGE, Do.DELETE
P, C, H, R, D, F, G = (
    State.PENDING,
    State.CREATING,
    State.CHANGING,
    State.READY,
    State.DELETING,
    State.FAILED,
    State.GONE,
)

TABLE = {
    # state: the step and the state after it, by what is seen, in the order of `Seen`:
    #   missing   becoming   ready      stopping   stopped    ending     ended      broken
    P: ((CR, P), (W, C), (W, R), (W, C), (CH, C), (W, C), (W, F), (W, F)),
    C: ((W, C), (W, C), (W, R), (W, C), (CH, C), (W, C), (W, F), (W, F)),
    H: ((W, H), (W, H), (CH, H), (W, H), (CH, H), (W, H), (W, F), (W, F)),
    R: ((W, R), (W, R), (W, R), (W, R), (W, R), (W, R), (W, F), (W, F)),
    D: ((DE, D), (DE, D), (DE, D), (DE, D), (DE, D), (DE, D), (DE, D), (DE, D)),
    F: ((W, F), (W, F), (W, R), (W, F), (W, R), (W, F), (W, F), (W, F)),
    G: ((W, G), (DE, G), (DE, G), (DE, G), (DE, G), (W, G), (W, G), (DE, G)),
}
"""Of the usual resource in each state (`scenes.resource`); one that is pending was asked for a moment ago."""

COMBINATIONS = [
    (state, seen, *expected) for state, row in TABLE.items() for seen, expected in zip(Seen, row, strict=True)
]


def usual(state):
    asked = {"asked_at": at(-10), "asked_generation": 1} if state is P else {}
    return resource(state, **asked)


@pytest.mark.parametrize(("state", "seen", "do", "after"), COMBINATIONS)
def test_combination_of_state_and_sight_has_its_step(state, seen, do, after):
    step = decide(usual(state), sight(seen), BOX, NOW)
    assert (step.do, step.row.state) == (do, after)


def test_life_names_a_move_for_every_combination():
    assert {(state, seen) for state, row in LIFE.items() for seen in row} == {(s, v) for s in State for v in Seen}


@pytest.mark.parametrize(("state", "seen"), [(state, seen) for state in State for seen in Seen])
def test_row_after_a_step_is_due_later_or_needs_no_look(state, seen):
    for asked in (0, 1, 2):
        row = decide(usual(state).model_copy(update={"asked_generation": asked}), sight(seen), BOX, NOW).row
        assert row.due_at is None or row.due_at > at(0)
        assert row.due_at is not None or row.is_released


@pytest.mark.parametrize("state", [P, C, H, D])
@pytest.mark.parametrize("seen", list(Seen))
def test_resource_at_work_whose_deadline_has_passed_comes_to_an_end(state, seen):
    late = usual(state).model_copy(update={"deadline_at": at(-1), "asked_at": at(-3600), "asked_generation": 2})
    unlike = late.model_copy(update={"power": Power.OFF if seen is Seen.READY else Power.ON})
    if seen is Seen.MISSING:
        unlike = unlike.model_copy(update={"misses": MOST_MISSES})
    step = decide(unlike, sight(seen), BOX, NOW)
    assert (step.do, step.row.state) in {(Do.WRITE, F), (Do.WRITE, G)}
    assert step.row.state is G or step.row.reason.endswith(("again", "at once"))
    assert step.row.deadline_at is None


@pytest.mark.parametrize("state", list(State))
def test_resource_that_is_not_due_is_left_alone(state):
    for due_at in (None, at(5)):
        waiting = resource(state, due_at=due_at)
        assert decide(waiting, sight(Seen.READY), BOX, NOW) == decide(waiting, None, BOX, NOW)
        assert decide(waiting, None, BOX, NOW).do is Do.NOTHING


class TestBeforeALook:
    def test_new_resource_is_asked_for_at_once(self):
        step = decide(resource(P), None, BOX, NOW)
        assert (step.do, step.row.asked_at, step.row.asked_generation, step.row.deadline_at) == (CR, at(0), 1, at(900))
        assert step.row.due_at == at(120)

    def test_deleted_one_that_was_never_asked_for_is_gone_at_once(self):
        step = decide(resource(D, asked_at=None, asked_generation=0, is_seen=False, external={}), None, BOX, NOW)
        assert (step.do, step.row.state, step.row.is_released) == (W, G, True)

    def test_gone_one_is_forgotten_when_its_time_is_over(self):
        assert decide(resource(G), None, BOX, NOW).do is Do.LOOK
        assert decide(resource(G, expires_epoch=int(NOW.timestamp())), None, BOX, NOW).do is Do.FORGET

    @pytest.mark.parametrize("state", [C, H, R, D, F])
    def test_other_states_are_looked_at_first(self, state):
        assert decide(resource(state), None, BOX, NOW).do is Do.LOOK

    def test_creation_whose_answer_was_lost_is_looked_for_first(self):
        assert decide(resource(P, asked_at=at(-10), asked_generation=1), None, BOX, NOW).do is Do.LOOK


class TestCreating:
    def test_creation_whose_answer_was_lost_is_adopted_with_its_ids(self):
        row = decide(usual(P), sight(Seen.BECOMING, facts={"address": "10.0.0.1"}), BOX, NOW).row
        assert (row.state, row.external, row.observed, row.is_seen) == (C, {"id": "b-1"}, {"address": "10.0.0.1"}, True)

    def test_specification_that_changed_after_the_request_is_carried_out_later(self):
        changed = usual(P).model_copy(update={"generation": 2})
        again = decide(changed, sight(Seen.MISSING), BOX, NOW)
        assert (again.do, again.row.asked_generation) == (CR, 1)
        assert decide(changed, sight(Seen.READY), BOX, NOW).do is CH

    def test_accepted_one_that_never_appears_is_lost_with_its_quota_returned(self):
        unseen = resource(C, is_seen=False, asked_at=at(-301), misses=MOST_MISSES - 1)
        row = decide(unseen, sight(Seen.MISSING), BOX, NOW).row
        assert (row.state, row.is_released) == (F, True)
        assert "Delete it and create it again" in row.reason

    def test_thing_that_is_not_shown_yet_is_waited_for(self):
        unseen = resource(C, is_seen=False, asked_at=at(-299), misses=40)
        assert decide(unseen, sight(Seen.MISSING), BOX, NOW).row.state is C

    def test_unready_one_waits_with_the_reason_of_its_kind(self):
        kind = Kind(name="box", driver=no_driver, unready=lambda _row, _seen: "the agent has not enrolled")
        waiting = decide(resource(C, power=None), sight(Seen.READY), kind, NOW).row
        assert (waiting.state, waiting.reason) == (C, "the agent has not enrolled")
        late = waiting.model_copy(update={"due_at": at(0), "deadline_at": at(0)})
        failed = decide(late, sight(Seen.READY), kind, NOW).row
        assert failed.reason == (
            "It was not ready within 15 minutes: the agent has not enrolled. Delete it and create it again"
        )
        assert not failed.is_released

    def test_thing_that_was_asked_for_off_is_turned_off_when_it_is_there(self):
        assert decide(resource(C, power=Power.OFF), sight(Seen.READY), BOX, NOW).do is CH
        assert decide(resource(C, power=Power.OFF), sight(Seen.STOPPED), BOX, NOW).row.state is R

    def test_deadline_with_a_lost_answer_keeps_the_quota_until_it_is_certain(self):
        late = usual(P).model_copy(update={"deadline_at": at(0), "reason": "The provider did not answer"})
        failed = decide(late, sight(Seen.MISSING), BOX, NOW).row
        assert (failed.state, failed.is_released, failed.due_at) == (F, False, at(290))
        later = NOW + timedelta(seconds=290)
        released = decide(failed, sight(Seen.MISSING), BOX, later).row
        assert (released.is_released, released.reason) == (True, failed.reason)

    def test_deadline_without_any_request_that_worked_returns_the_quota_at_once(self):
        late = resource(P, deadline_at=at(0), reason="There is no capacity")
        failed = decide(late, None, BOX, NOW).row
        assert (failed.state, failed.is_released, failed.due_at) == (F, True, None)


class TestAtRest:
    def test_look_at_one_at_rest_changes_nothing_but_its_next_look(self):
        row = resource(R, version=3)
        after = decide(row, sight(Seen.READY), BOX, NOW).row
        assert after.model_copy(update={"due_at": row.due_at}) == row
        assert timedelta(minutes=57) <= parse_time(after.due_at) - NOW <= timedelta(minutes=63)

    def test_looks_of_things_made_together_spread_over_time(self):
        dues = {
            decide(resource(R).model_copy(update={"id": str(index)}), sight(Seen.READY), BOX, NOW).row.due_at
            for index in range(50)
        }
        assert len(dues) > 40

    def test_power_that_changed_outside_is_followed_and_told(self):
        row = decide(resource(R, attempts=1), sight(Seen.STOPPED), BOX, NOW).row
        assert (row.state, row.power, row.reason) == (R, Power.OFF, "It was turned off outside of this API")

    def test_thing_that_is_not_found_for_a_minute_is_lost_with_its_quota_returned(self):
        row, now, looks = resource(R), NOW, []
        for _ in range(MOST_MISSES):
            looks.append((row.state, row.is_released))
            row = decide(row, sight(Seen.MISSING), BOX, now).row
            now = parse_time(row.due_at)
        assert looks == [(R, False)] * MOST_MISSES
        assert (row.state, row.is_released) == (F, True)
        assert timedelta(minutes=58) < now - NOW < timedelta(minutes=66), "it is looked for once more"
        assert decide(row, sight(Seen.MISSING), BOX, now).row.due_at is None

    def test_thing_is_looked_for_a_minute_before_it_is_lost(self):
        row, now = resource(R), NOW
        while row.state is R:
            lost_at, row = now, decide(row, sight(Seen.MISSING), BOX, now).row
            now = parse_time(row.due_at)
        assert timedelta(seconds=60) <= lost_at - NOW <= timedelta(minutes=4)

    def test_thing_that_is_found_again_in_between_is_not_lost(self):
        once = decide(resource(R), sight(Seen.MISSING), BOX, NOW).row
        found = decide(once.model_copy(update={"due_at": at(0)}), sight(Seen.READY), BOX, NOW).row
        assert (found.state, found.misses) == (R, 0)

    def test_drifted_one_fails_with_the_reason_of_its_kind_and_recovers(self):
        drifting = Kind(name="box", driver=no_driver, drifted=lambda _row, seen: str(seen.facts.get("wrong", "")))
        failed = decide(
            resource(R, power=None, attempts=1), sight(Seen.READY, facts={"wrong": "no rule"}), drifting, NOW
        ).row
        assert (failed.state, failed.reason, failed.is_released) == (F, "no rule", False)
        again = failed.model_copy(update={"due_at": at(0)})
        mended = decide(again, sight(Seen.READY, facts={"wrong": ""}), drifting, NOW).row
        assert (mended.state, mended.reason) == (R, "")

    def test_broken_one_fails_with_the_reason_of_its_provider_and_recovers(self):
        failed = decide(resource(R), sight(Seen.BROKEN, reason="its disk is full"), BOX, NOW).row
        assert (failed.state, failed.reason, failed.is_released) == (F, "its disk is full", False)
        assert decide(failed.model_copy(update={"due_at": at(0)}), sight(Seen.READY), BOX, NOW).row.reason == ""


class TestChanging:
    def test_change_that_the_thing_itself_shows_as_done_is_not_asked_for_again(self):
        done = decide(resource(H, act="restart"), sight(Seen.READY, generation=2), BOX, NOW)
        assert (done.do, done.row.state, done.row.act, done.row.done_generation) == (W, R, "", 2)

    def test_power_that_is_not_there_yet_is_asked_for_again(self):
        assert decide(resource(H, asked_generation=2, power=Power.OFF), sight(Seen.READY), BOX, NOW).do is CH

    def test_part_that_creation_does_not_bring_is_asked_for_at_every_look(self):
        partial = Kind(name="box", driver=no_driver, drifted=lambda _resource, _observation: "it lacks a part")
        looks = [resource(C, power=None, attempts=attempts) for attempts in range(4)]
        assert [decide(each, sight(Seen.READY), partial, NOW).do for each in looks] == [CH] * 4
        done = [each.model_copy(update={"begun_generation": 1}) for each in looks]
        assert [decide(each, sight(Seen.READY), partial, NOW).do for each in done] == [CH, W, W, CH]

    def test_change_that_takes_too_long_fails_and_the_thing_is_as_it_is(self):
        stuck = resource(H, asked_generation=2, power=Power.OFF, deadline_at=at(0), reason="it is busy")
        failed = decide(stuck, sight(Seen.READY), BOX, NOW).row
        assert failed.reason == "It could not be changed within 10 minutes: it is busy. Try it again"
        row = decide(failed.model_copy(update={"due_at": at(0)}), sight(Seen.READY), BOX, NOW).row
        assert (row.state, row.power, row.reason) == (R, Power.ON, failed.reason)


class TestOldAnswers:
    """Two answers of a provider may come from servers of which one is behind."""

    @pytest.mark.parametrize("state", [H, R, F])
    def test_new_thing_that_is_not_shown_any_more_is_not_lost(self, state):
        new = resource(state, asked_at=at(-299), misses=MOST_MISSES)
        row = decide(new, sight(Seen.MISSING), BOX, NOW).row
        assert (row.state, row.is_released) == (state, False)
        old = new.model_copy(update={"asked_at": at(-300)})
        assert decide(old, sight(Seen.MISSING), BOX, NOW).row.is_released

    def test_difference_at_rest_counts_from_the_second_look(self):
        differs = Kind(name="box", driver=no_driver, drifted=lambda _resource, _observation: "it has other rules")
        first = decide(resource(R, power=None), sight(Seen.READY), differs, NOW).row
        assert (first.state, first.reason) == (R, "")
        assert at(0) < first.due_at <= at(2)
        due = first.model_copy(update={"due_at": at(0)})
        assert decide(due, sight(Seen.READY), differs, NOW).row.state is F
        assert decide(due, sight(Seen.READY), BOX, NOW).row.attempts == 0

    def test_power_at_rest_is_followed_from_the_second_look(self):
        first = decide(resource(R), sight(Seen.STOPPED), BOX, NOW).row
        assert first.power is Power.ON
        again = first.model_copy(update={"due_at": at(0)})
        assert decide(again, sight(Seen.STOPPED), BOX, NOW).row.power is Power.OFF


class TestDeleting:
    def test_belongings_of_a_lost_thing_are_removed_too(self):
        assert decide(resource(D), sight(Seen.ENDED), BOX, NOW).do is DE
        row = decide(resource(D, asked_generation=2), sight(Seen.ENDED), BOX, NOW).row
        assert (row.state, row.is_released, row.desired) == (G, True, Desired.ABSENT)

    def test_deleted_thing_that_may_still_appear_is_waited_for(self):
        lost = resource(D, is_seen=False, asked_at=at(-299), asked_generation=2, external={})
        assert decide(lost, sight(Seen.MISSING), BOX, NOW).row.state is D
        old = lost.model_copy(update={"asked_at": at(-300)})
        gone = decide(old, sight(Seen.MISSING), BOX, NOW).row
        assert (gone.state, gone.due_at) == (G, at(1800))

    def test_deleted_thing_that_appears_late_is_removed(self):
        lost = resource(D, is_seen=False, asked_at=at(-100), asked_generation=2, external={})
        assert decide(lost, sight(Seen.BECOMING), BOX, NOW).do is DE

    @pytest.mark.parametrize("state", [F, G])
    def test_thing_that_appears_after_its_row_had_ended_is_removed(self, state):
        ended = resource(state, is_released=True, is_seen=False, external={})
        step = decide(ended, sight(Seen.READY), BOX, NOW)
        assert (step.do, step.row.state, step.row.external) == (DE, state, {"id": "b-1"})

    def test_removal_that_takes_too_long_fails_and_is_tried_again_each_hour(self):
        stuck = resource(D, asked_generation=2, deadline_at=at(0), reason="it is protected")
        failed = decide(stuck, sight(Seen.READY), BOX, NOW).row
        assert "it is protected" in failed.reason
        again = failed.model_copy(update={"due_at": at(0)})
        assert decide(again, sight(Seen.READY), BOX, NOW).do is DE
        assert decide(again, sight(Seen.ENDED), BOX, NOW).row.state is G


def test_lost_thing_that_is_there_again_is_told_and_not_touched():
    lost = resource(F, is_released=True, due_at=at(0))
    step = decide(lost, sight(Seen.READY), BOX, NOW)
    assert (step.do, step.row.state, step.row.due_at) == (W, F, None)
    assert "there again" in step.row.reason


def test_kind_without_power_is_ready_when_its_thing_is_stopped():
    kind = Kind(name="box", driver=no_driver)
    assert decide(resource(C, power=None), Observation(Seen.STOPPED), kind, NOW).row.state is R


TOKENLESS = Kind(name="box", driver=no_driver, has_token=False)


class TestKindWithoutAToken:
    def test_new_one_is_asked_for_at_once(self):
        assert decide(resource(State.PENDING), None, TOKENLESS, NOW).do is Do.CREATE

    def test_resource_that_may_still_appear_is_waited_for(self):
        asked = resource(State.PENDING, asked_at=at(-10), asked_generation=1)
        step = decide(asked, sight(Seen.MISSING), TOKENLESS, NOW)
        assert (step.do, step.row.state, step.row.asked_at) == (Do.WRITE, State.PENDING, at(-10))
        assert step.row.due_at > at(0)
        assert step.row.deadline_at is not None

    def test_resource_that_was_not_made_is_asked_for_again(self):
        asked = resource(State.PENDING, asked_at=at(-300), asked_generation=1)
        step = decide(asked, sight(Seen.MISSING), TOKENLESS, NOW)
        assert (step.do, step.row.asked_at) == (Do.CREATE, at(0))
