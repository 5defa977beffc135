"""Rules of EC2's networks on which drivers or services rely, or which they hold themselves."""

from typing import Any

from tests.probe.probing import Client, probe, refused

BLOCK = "10.77.0.0/16"


def _vpc(ec2: Any, block: str = BLOCK) -> str:
    return str(ec2.create_vpc(CidrBlock=block)["Vpc"]["VpcId"])


def _subnet(ec2: Any, vpc: str, block: str = "10.77.1.0/24") -> str:
    return str(ec2.create_subnet(VpcId=vpc, CidrBlock=block)["Subnet"]["SubnetId"])


def _group(ec2: Any, vpc: str) -> str:
    return str(ec2.create_security_group(VpcId=vpc, GroupName="probe", Description="probe")["GroupId"])


def _gateway(ec2: Any, vpc: str) -> str:
    made = str(ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"])
    ec2.attach_internet_gateway(InternetGatewayId=made, VpcId=vpc)
    return made


@probe("EC2", "CreateVpc", "tags that are given with it are found by filters")
def vpc_tags(client: Client) -> bool:
    ec2 = client("ec2")
    tags = [{"Key": "probe", "Value": "vpc"}]
    made = ec2.create_vpc(CidrBlock=BLOCK, TagSpecifications=[{"ResourceType": "vpc", "Tags": tags}])["Vpc"]["VpcId"]
    found = ec2.describe_vpcs(Filters=[{"Name": "tag:probe", "Values": ["vpc"]}])["Vpcs"]
    return [each["VpcId"] for each in found] == [made]


@probe("EC2", "CreateVpc", "a block larger than /16 is refused")
def vpc_range(client: Client) -> bool:
    return refused(lambda: _vpc(client("ec2"), "10.0.0.0/8"))


@probe("EC2", "DeleteVpc", "refused while it has a subnet")
def vpc_in_use(client: Client) -> bool:
    ec2 = client("ec2")
    vpc = _vpc(ec2)
    _subnet(ec2, vpc)
    return refused(lambda: ec2.delete_vpc(VpcId=vpc))


@probe("EC2", "CreateSubnet", "a block outside of its VPC is refused")
def subnet_outside(client: Client) -> bool:
    ec2 = client("ec2")
    vpc = _vpc(ec2)
    return refused(lambda: _subnet(ec2, vpc, "10.78.1.0/24"))


@probe("EC2", "CreateSubnet", "a block that overlaps another subnet's is refused")
def subnet_overlap(client: Client) -> bool:
    ec2 = client("ec2")
    vpc = _vpc(ec2)
    _subnet(ec2, vpc)
    return refused(lambda: _subnet(ec2, vpc, "10.77.1.128/25"))


@probe("EC2", "CreateSecurityGroup", "a second one of that name in its VPC is refused")
def group_name(client: Client) -> bool:
    ec2 = client("ec2")
    vpc = _vpc(ec2)
    _group(ec2, vpc)
    return refused(lambda: _group(ec2, vpc))


@probe("EC2", "CreateSecurityGroup", "a new one lets everything out")
def group_egress(client: Client) -> bool:
    ec2 = client("ec2")
    group = _group(ec2, _vpc(ec2))
    (shown,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    return [each["IpProtocol"] for each in shown["IpPermissionsEgress"]] == ["-1"]


@probe("EC2", "AuthorizeSecurityGroupIngress", "a rule that is there is refused")
def rule_twice(client: Client) -> bool:
    ec2 = client("ec2")
    group = _group(ec2, _vpc(ec2))
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    return refused(lambda: ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule]))


@probe("EC2", "DeleteSecurityGroup", "refused while a machine has it")
def group_in_use(client: Client) -> bool:
    ec2 = client("ec2")
    vpc = _vpc(ec2)
    group, subnet = _group(ec2, vpc), _subnet(ec2, vpc)
    ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, SubnetId=subnet, SecurityGroupIds=[group])
    return refused(lambda: ec2.delete_security_group(GroupId=group))


@probe("EC2", "AttachInternetGateway", "a second one at a VPC is refused")
def second_gateway(client: Client) -> bool:
    ec2 = client("ec2")
    vpc = _vpc(ec2)
    _gateway(ec2, vpc)
    return refused(lambda: _gateway(ec2, vpc))


@probe("EC2", "DeleteInternetGateway", "refused while it is attached")
def attached_gateway(client: Client) -> bool:
    ec2 = client("ec2")
    gateway = _gateway(ec2, _vpc(ec2))
    return refused(lambda: ec2.delete_internet_gateway(InternetGatewayId=gateway))


@probe("EC2", "CreateRoute", "a second route to a destination is refused")
def route_twice(client: Client) -> bool:
    ec2 = client("ec2")
    vpc = _vpc(ec2)
    gateway = _gateway(ec2, vpc)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]

    def make() -> None:
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)

    make()
    return refused(make)


@probe("EC2", "CreateRouteTable", "a repeat with its client token makes no second one")
def table_token(client: Client) -> bool:
    ec2 = client("ec2")
    vpc = _vpc(ec2)
    made = {ec2.create_route_table(VpcId=vpc, ClientToken="probe")["RouteTable"]["RouteTableId"] for _ in range(2)}
    return len(made) == 1


@probe("EC2", "AssociateRouteTable", "a second table for a subnet is refused")
def second_table(client: Client) -> bool:
    ec2 = client("ec2")
    vpc = _vpc(ec2)
    subnet = _subnet(ec2, vpc)
    tables = [ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"] for _ in range(2)]
    ec2.associate_route_table(RouteTableId=tables[0], SubnetId=subnet)
    return refused(lambda: ec2.associate_route_table(RouteTableId=tables[1], SubnetId=subnet))


@probe("EC2", "DeleteRouteTable", "a VPC's main table is refused")
def main_table(client: Client) -> bool:
    ec2 = client("ec2")
    vpc = _vpc(ec2)
    (table,) = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    return refused(lambda: ec2.delete_route_table(RouteTableId=table["RouteTableId"]))


@probe("EC2", "ReleaseAddress", "refused while something has it")
def used_address(client: Client) -> bool:
    ec2 = client("ec2")
    vpc = _vpc(ec2)
    _gateway(ec2, vpc)
    subnet = _subnet(ec2, vpc)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    machine = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, SubnetId=subnet)["Instances"][0]
    ec2.associate_address(AllocationId=address, InstanceId=machine["InstanceId"])
    return refused(lambda: ec2.release_address(AllocationId=address))


@probe("EC2", "CreateNatGateway", "it is pending for some time")
def slow_nat(client: Client) -> bool:
    ec2 = client("ec2")
    vpc = _vpc(ec2)
    _gateway(ec2, vpc)
    subnet, address = _subnet(ec2, vpc), ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
    (shown,) = ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"]
    return str(shown["State"]) == "pending"


@probe("EC2", "CreateVpcPeeringConnection", "overlapping blocks end as failed")
def overlapping_peers(client: Client) -> bool:
    ec2 = client("ec2")
    made = ec2.create_vpc_peering_connection(VpcId=_vpc(ec2), PeerVpcId=_vpc(ec2))["VpcPeeringConnection"]
    peering = made["VpcPeeringConnectionId"]
    (shown,) = ec2.describe_vpc_peering_connections(VpcPeeringConnectionIds=[peering])["VpcPeeringConnections"]
    return str(shown["Status"]["Code"]) == "failed"


@probe("EC2", "RejectVpcPeeringConnection", "a rejected one is shown as rejected")
def rejected_peering(client: Client) -> bool:
    ec2 = client("ec2")
    made = ec2.create_vpc_peering_connection(VpcId=_vpc(ec2), PeerVpcId=_vpc(ec2, "10.78.0.0/16"))
    peering = made["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    ec2.reject_vpc_peering_connection(VpcPeeringConnectionId=peering)
    (shown,) = ec2.describe_vpc_peering_connections(VpcPeeringConnectionIds=[peering])["VpcPeeringConnections"]
    return str(shown["Status"]["Code"]) == "rejected"
