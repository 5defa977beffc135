"""The roles with which EC2 reads disks in buckets and makes snapshots of them.

Source: VM Import/Export user guide, "Required service role".
"""

from typing import Any

from chalicelib.platform.buckets import Bucket
from infra.functions import logical_id

Json = dict[str, Any]


def import_role_parameter(bucket: Bucket) -> str:
    """The name of the output and parameter with the role's name."""
    return f"{logical_id(bucket.name)}ImportRoleName"


def import_role_resource(bucket: Bucket) -> str:
    return f"{logical_id(bucket.name)}ImportRole"


def import_role(bucket: Bucket, resource: str) -> Json:
    """The role for a bucket, which is that ``resource`` of the same template. It reads no other bucket."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "vmie.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"sts:Externalid": "vmimport"}},
            }
        ],
    }
    arn = {"Fn::GetAtt": [resource, "Arn"]}
    files = {"Fn::Sub": f"${{{resource}.Arn}}/*"}
    made = ["ec2:ModifySnapshotAttribute", "ec2:CopySnapshot", "ec2:RegisterImage", "ec2:Describe*"]
    statements = [
        {"Effect": "Allow", "Action": ["s3:GetBucketLocation", "s3:ListBucket"], "Resource": arn},
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": files},
        {"Effect": "Allow", "Action": made, "Resource": "*"},
    ]
    policy = {"PolicyName": "import", "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}
    properties = {"AssumeRolePolicyDocument": trust, "Policies": [policy]}
    return {import_role_resource(bucket): {"Type": "AWS::IAM::Role", "Properties": properties}}
