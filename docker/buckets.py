"""Create the missing buckets: `python docker/buckets.py NAME...`.

Endpoint and keys come from the usual AWS variables: AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY.
"""

import sys

import boto3


def make(names: list[str]) -> None:
    """Create each bucket unless this account already has it."""
    storage = boto3.client("s3")
    known = {bucket["Name"] for bucket in storage.list_buckets()["Buckets"]}
    for name in names:
        if name not in known:
            storage.create_bucket(Bucket=name)


if __name__ == "__main__":
    make(sys.argv[1:])
