"""Rules of S3."""

from typing import Any

from tests.probe.probing import Client, probe, refused

BUCKET = "edge-admin-probe"


def _bucket(client: Client) -> Any:
    s3 = client("s3")
    where = {"LocationConstraint": s3.meta.region_name}
    s3.create_bucket(
        Bucket=BUCKET, **({} if s3.meta.region_name == "us-east-1" else {"CreateBucketConfiguration": where})
    )
    return s3


@probe("S3", "DeleteBucket", "refused while there is an object in it")
def full_bucket(client: Client) -> bool:
    s3 = _bucket(client)
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"a")
    return refused(lambda: s3.delete_bucket(Bucket=BUCKET))


@probe("S3", "PutObject", "another checksum than that of the bytes is refused")
def checksum(client: Client) -> bool:
    s3 = _bucket(client)
    return refused(lambda: s3.put_object(Bucket=BUCKET, Key="a", Body=b"a", ChecksumSHA256="A" * 43 + "="))


@probe("S3", "PutObject", "with If-None-Match a second object of a key is refused")
def put_twice(client: Client) -> bool:
    s3 = _bucket(client)
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"a", IfNoneMatch="*")
    return refused(lambda: s3.put_object(Bucket=BUCKET, Key="a", Body=b"b", IfNoneMatch="*"))


@probe("S3", "PutObject", "a version before can be read")
def versions(client: Client) -> bool:
    s3 = _bucket(client)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=BUCKET, Key="a", Body=b"first")["VersionId"]
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"second")
    return bytes(s3.get_object(Bucket=BUCKET, Key="a", VersionId=first)["Body"].read()) == b"first"


@probe("S3", "DeleteObject", "with versions it leaves a marker")
def marker(client: Client) -> bool:
    s3 = _bucket(client)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"first")
    s3.delete_object(Bucket=BUCKET, Key="a")
    return len(s3.list_object_versions(Bucket=BUCKET).get("DeleteMarkers", ())) == 1


@probe("S3", "UploadPart", "refused without the checksum that its upload was begun with")
def part_without_checksum(client: Client) -> bool:
    s3 = _bucket(client)
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="a", ChecksumAlgorithm="SHA256")["UploadId"]
    return refused(lambda: s3.upload_part(Bucket=BUCKET, Key="a", UploadId=upload, PartNumber=1, Body=b"a"))


@probe("S3", "CompleteMultipartUpload", "a part below 5 MB that is not the last is refused")
def small_part(client: Client) -> bool:
    s3 = _bucket(client)
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="a")["UploadId"]
    parts = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(Bucket=BUCKET, Key="a", UploadId=upload, PartNumber=number, Body=b"a")["ETag"],
        }
        for number in (1, 2)
    ]
    return refused(
        lambda: s3.complete_multipart_upload(Bucket=BUCKET, Key="a", UploadId=upload, MultipartUpload={"Parts": parts})
    )


@probe("S3", "PutBucketLifecycleConfiguration", "rules that were put are read again")
def lifecycle(client: Client) -> bool:
    s3 = _bucket(client)
    rule = {"ID": "probe", "Status": "Enabled", "Filter": {"Prefix": "a/"}, "Expiration": {"Days": 1}}
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": [rule]})
    (read,) = s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    return (read["ID"], read["Expiration"]["Days"]) == ("probe", 1)
