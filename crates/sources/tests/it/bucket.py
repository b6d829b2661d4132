"""Fills a bucket of moto, which from then on lets in only signed requests.

    bucket.py ENDPOINT make              makes a person with a key, and the bucket; prints the key and its secret
    bucket.py ENDPOINT put KEY TEXT …    puts and removes (with an empty text) objects, signed with KEY_ID and KEY_SECRET
"""

import json
import os
import sys

import boto3

endpoint, act, *rest = sys.argv[1:]


def client(service):
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="eu-west-3",
        aws_access_key_id=os.environ.get("KEY_ID", "none"),
        aws_secret_access_key=os.environ.get("KEY_SECRET", "none"),
    )


if act == "make":
    # Exactly four requests: so many are let in without a check.
    client("s3").create_bucket(Bucket="papiers", CreateBucketConfiguration={"LocationConstraint": "eu-west-3"})
    people = client("iam")
    people.create_user(UserName="intramuros")
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    people.put_user_policy(UserName="intramuros", PolicyName="all", PolicyDocument=json.dumps(everything))
    key = people.create_access_key(UserName="intramuros")["AccessKey"]
    print(key["AccessKeyId"], key["SecretAccessKey"])
else:
    bucket = client("s3")
    for key, text in zip(rest[::2], rest[1::2]):
        if text:
            bucket.put_object(Bucket="papiers", Key=key, Body=text.encode())
        else:
            bucket.delete_object(Bucket="papiers", Key=key)
