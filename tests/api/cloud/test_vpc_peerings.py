"""Peerings of VPCs: by the API, on a strict EC2."""

from random import Random

import pytest

from chalicelib.kit.errors import EdgeError
from chalicelib.platform.provisioning.model import Desired, State
from tests.support.networks import NetworkScene
from tests.support.provisioning_invariants import claims_are_those_of_rows, no_reference_is_left

NOTHING = "01900000-0000-7000-8000-0000000000ff"
OURS, THEIRS = "10.4.0.0/16", "10.5.0.0/16"


@pytest.fixture
def scene():
    return NetworkScene()


@pytest.fixture
def vpcs(scene):
    return scene.vpc("production", OURS), scene.vpc("staging", THEIRS)


@pytest.fixture
def peering(scene, vpcs):
    return peered(scene, *vpcs)


def peered(scene, requester, accepter):
    body = {"requester_vpc_id": requester["id"], "accepter_vpc_id": accepter["id"]}
    return scene.ask("POST", "/vpc-peerings", body)


def show(scene, peering):
    return scene.ask("GET", f"/vpc-peerings/{peering['id']}")


def accept(scene, peering):
    return scene.ask("POST", f"/vpc-peerings/{peering['id']}/accept")


def routes(scene, vpc):
    """The routes of a VPC's main table at EC2."""
    return scene.ec2.routes_of(scene.at_ec2(scene.main_of(vpc)))


def check(scene):
    no_reference_is_left(scene.moving.rows())
    claims_are_those_of_rows(scene.moving.rows(), scene.moving.claims())


def test_new_peering_waits_for_an_answer(scene, vpcs, peering):
    assert (peering["status"], peering["requester_vpc_id"]) == ("pending-acceptance", vpcs[0]["id"])
    assert peering["arn"] == f"arn:thecloud:vpc-peering:local:default:peering/{peering['id']}"
    scene.reach(peering, State.READY)
    assert show(scene, peering)["status"] == "pending-acceptance"
    (part,) = scene.ec2.peerings_there()
    assert (part.tags["edge-admin:resource"], scene.ec2.peering_state(part.id)) == (peering["id"], "pending-acceptance")


def test_accepted_peering_leads_from_each_main_table_to_the_other_vpc(scene, vpcs, peering):
    assert accept(scene, peering)["status"] == "provisioning"
    scene.reach(peering, State.READY)
    shown = show(scene, peering)
    assert (shown["status"], shown["status_reason"]) == ("active", None)
    there = scene.at_ec2(peering)
    assert (routes(scene, vpcs[0]), routes(scene, vpcs[1])) == ({THEIRS: there}, {OURS: there})
    assert scene.ec2.peering_state(there) == "active"
    check(scene)


def test_deleted_peering_takes_its_routes_along(scene, vpcs, peering):
    accept(scene, peering)
    scene.reach(peering, State.READY)
    scene.ask("DELETE", f"/vpc-peerings/{peering['id']}")
    assert show(scene, peering)["status"] == "deleting"
    scene.reach(peering, State.GONE)
    assert (routes(scene, vpcs[0]), routes(scene, vpcs[1]), scene.ec2.peerings_there()) == ({}, {}, [])
    assert scene.refused("GET", f"/vpc-peerings/{peering['id']}")[0] == 404
    check(scene)
    assert accept(scene, peered(scene, *vpcs))["status"] == "provisioning"


def test_route_of_a_table_to_a_peering_is_made_and_keeps_it(scene, vpcs, peering):
    table = scene.table(vpcs[0])
    body = {"destination_cidr": THEIRS, "target_type": "peering", "target_id": peering["id"]}
    assert scene.refused("POST", f"/route-tables/{table['id']}/routes", body)[0] == 409
    accept(scene, peering)
    scene.reach(peering, State.READY)
    scene.route(table, peering, THEIRS, "peering")
    scene.reach(table, State.READY)
    assert scene.ec2.routes_of(scene.at_ec2(table)) == {THEIRS: scene.at_ec2(peering)}
    assert scene.refused("DELETE", f"/vpc-peerings/{peering['id']}")[0] == 409


def test_rejected_peering_stays_so_until_its_row_goes(scene, vpcs, peering):
    scene.reach(peering, State.READY)
    answer = scene.ask("POST", f"/vpc-peerings/{peering['id']}/reject")
    assert answer == {"message": "the peering is rejected"}
    assert show(scene, peering)["status"] == "rejected"
    scene.reach(peering, State.GONE)
    assert (show(scene, peering)["status"], scene.ec2.peerings_there()) == ("rejected", [])
    assert [each["status"] for each in scene.ask("GET", "/vpc-peerings")] == ["rejected"]
    again = peered(scene, *vpcs)
    assert again["status"] == "pending-acceptance"
    scene.moving.pass_time(3600, step=60)
    assert [each["id"] for each in scene.ask("GET", "/vpc-peerings")] == [again["id"]]


@pytest.mark.parametrize("first", ["accept", "reject", "delete"])
def test_answer_to_one_that_waits_for_none_is_400(scene, peering, first):
    if first == "delete":
        scene.ask("DELETE", f"/vpc-peerings/{peering['id']}")
    else:
        scene.ask("POST", f"/vpc-peerings/{peering['id']}/{first}")
    for answer in ("accept", "reject"):
        status, kind, _ = scene.refused("POST", f"/vpc-peerings/{peering['id']}/{answer}")
        assert (status, kind) == (400, "INVALID_INPUT")


def test_second_peering_of_two_vpcs_is_409_whichever_asks(scene, vpcs, peering):
    for requester, accepter in (vpcs, vpcs[::-1]):
        body = {"requester_vpc_id": requester["id"], "accepter_vpc_id": accepter["name"]}
        assert scene.refused("POST", "/vpc-peerings", body)[:2] == (409, "CONFLICT")


def test_vpcs_that_cannot_be_peered_are_400(scene, vpcs):
    within = scene.vpc("within", "10.4.7.0/24")
    for accepter, says in ((vpcs[0], "with itself"), (within, "overlap")):
        body = {"requester_vpc_id": "production", "accepter_vpc_id": accepter["id"]}
        status, kind, message = scene.refused("POST", "/vpc-peerings", body)
        assert (status, kind, says in message) == (400, "INVALID_INPUT", True)


def test_vpc_with_a_peering_is_not_deleted(scene, vpcs, peering):
    for vpc in vpcs:
        assert scene.refused("DELETE", f"/vpcs/{vpc['id']}")[0] == 409


def test_route_in_the_way_is_409_and_accepts_nothing(scene, vpcs, peering):
    gateway = scene.gateway(vpcs[1])
    scene.reach(gateway, State.READY)
    scene.route(scene.main_of(vpcs[1]), gateway, OURS)
    status, _, message = scene.refused("POST", f"/vpc-peerings/{peering['id']}/accept")
    assert (status, OURS in message) == (409, True)
    scene.reach(peering, State.READY)
    assert (show(scene, peering)["status"], routes(scene, vpcs[0])) == ("pending-acceptance", {})


def test_peering_is_found_by_the_beginning_of_its_id(scene, peering):
    assert scene.ask("GET", f"/vpc-peerings/{peering['id'][:20]}")["id"] == peering["id"]
    assert scene.refused("GET", "/vpc-peerings/01a")[0] == 404


def test_peering_without_an_answer_in_a_week_has_failed_and_can_be_deleted(scene, peering):
    scene.reach(peering, State.READY)
    scene.ec2.become(scene.at_ec2(peering), "expired")
    scene.look(peering)
    shown = show(scene, peering)
    assert (shown["status"], "seven days" in shown["status_reason"]) == ("failed", True)
    assert scene.refused("POST", f"/vpc-peerings/{peering['id']}/accept")[0] == 400
    scene.ask("DELETE", f"/vpc-peerings/{peering['id']}")
    scene.reach(peering, State.GONE)
    check(scene)


def test_route_that_somebody_removes_in_aws_is_told(scene, vpcs, peering):
    accept(scene, peering)
    scene.reach(peering, State.READY)
    scene.ec2.delete_route(RouteTableId=scene.at_ec2(scene.main_of(vpcs[0])), DestinationCidrBlock=THEIRS)
    assert scene.look(peering).state is State.FAILED
    assert f"no route to {THEIRS}" in show(scene, peering)["status_reason"]


def test_peering_that_somebody_deletes_in_aws_fails_and_leaves_no_route(scene, vpcs, peering):
    accept(scene, peering)
    scene.reach(peering, State.READY)
    scene.ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=scene.at_ec2(peering))
    scene.moving.pass_time(10)
    assert scene.look(peering).state is State.FAILED
    scene.ask("DELETE", f"/vpc-peerings/{peering['id']}")
    scene.reach(peering, State.GONE)
    assert (routes(scene, vpcs[0]), routes(scene, vpcs[1])) == ({}, {})
    again = peered(scene, *vpcs)
    accept(scene, again)
    scene.reach(again, State.READY)
    check(scene)


def test_things_of_another_tenant_are_404_wherever_they_are_named(scene, vpcs, peering):
    within = {"headers": {"x-tenant-id": scene.tenant()}}
    for wanted in (vpcs[0]["id"], NOTHING):
        body = {"requester_vpc_id": wanted, "accepter_vpc_id": vpcs[1]["id"]}
        assert scene.refused("POST", "/vpc-peerings", body, **within)[0] == 404
    path = f"/vpc-peerings/{peering['id']}"
    for method, where in (("GET", path), ("DELETE", path), ("POST", f"{path}/accept"), ("POST", f"{path}/reject")):
        assert scene.refused(method, where, **within)[0] == 404


@pytest.mark.parametrize(
    "call", ["CreateVpcPeeringConnection", "AcceptVpcPeeringConnection", "CreateRoute", "DeleteVpcPeeringConnection"]
)
@pytest.mark.parametrize("trouble", ["lost", "crash", "InternalError"])
def test_call_that_fails_or_is_unanswered_makes_one_and_leaves_none(scene, vpcs, call, trouble):
    for vpc in vpcs:
        scene.reach(vpc, State.READY)
    scene.moving.pass_time(30)
    {
        "lost": scene.ec2.lose_answer,
        "crash": scene.ec2.crash_after,
        "InternalError": lambda name: scene.ec2.fail(name, "InternalError", 500),
    }[trouble](call)
    peering = peered(scene, *vpcs)
    accept(scene, peering)
    scene.reach(peering, State.READY)
    assert len(scene.ec2.peerings_there()) == 1
    assert (len(routes(scene, vpcs[0])), len(routes(scene, vpcs[1]))) == (1, 1)
    scene.ask("DELETE", f"/vpc-peerings/{peering['id']}")
    scene.reach(peering, State.GONE)
    assert (routes(scene, vpcs[0]), routes(scene, vpcs[1]), scene.ec2.peerings_there()) == ({}, {}, [])
    check(scene)


def test_rejection_of_a_peering_that_is_accepted_at_the_same_moment_is_400(scene, peering):
    scene.reach(peering, State.READY)
    scene.moving.driver.before_next(lambda: accept(scene, peering), operation="UpdateItem")
    assert scene.refused("POST", f"/vpc-peerings/{peering['id']}/reject")[0] == 400
    scene.reach(peering, State.READY)
    assert show(scene, peering)["status"] == "active"


@pytest.mark.parametrize("seed", range(2))
def test_answers_and_a_deletion_at_once_have_one_outcome(scene, vpcs, peering, seed):
    scene.reach(peering, State.READY)
    chance, codes, world = Random(seed), [], scene.moving
    world.driver.latency(0.01)
    service = scene.cloud.peerings

    def caller(act):
        def run():
            world.clock.sleep(chance.random() / 20)
            try:
                act("default", peering["id"])
                codes.append(act.__name__)
            except EdgeError as error:
                codes.append(error.code)

        return run

    acts = [service.accept, service.reject, service.delete]
    assert not [each for each in world.clock.run_together([caller(act) for act in acts]) if each is not None]
    world.driver.latency(0)
    assert not {"accept", "reject"} <= set(codes)
    row = scene.row(peering)
    assert (row.desired is Desired.ABSENT) == bool({"reject", "delete"} & set(codes))
    scene.moving.reach(row, State.READY, State.GONE)
    scene.moving.pass_time(30)
    check(scene)
    expected = 1 if row.desired is Desired.PRESENT else 0
    assert (len(scene.ec2.peerings_there()), len(routes(scene, vpcs[0]))) == (expected, expected)
