#!/usr/bin/env python3
"""Deploys the template into the running emulator, and prints the outputs as one JSON object.

It changes only the source of each function's code, in memory: a zip of a binary that is already built, instead
of a build by SAM. A second run updates the stack.

    deploy.py --binaries DIR --parameter ShopDomain=example.myshopify.com --secret-string '{"client_id":...}'
"""

import argparse
import hashlib
import io
import json
import sys
import time
import zipfile
from pathlib import Path

import boto3
import yaml
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

TEMPLATE = Path(__file__).resolve().parents[2] / "template.yaml"
CODE_BUCKET = "promissory-code"


class Refused(Exception):
    """The stack was not deployed; the message gives the reason."""


class Tagged:
    """A CloudFormation short form, such as !Ref x, that is written as it was read."""

    def __init__(self, tag, node):
        self.tag, self.node = tag, node


class Loader(yaml.SafeLoader):
    pass


class Dumper(yaml.SafeDumper):
    # The template's nodes are written as they were read, without anchors.
    def ignore_aliases(self, data):
        return True


Loader.add_multi_constructor("!", lambda loader, suffix, node: Tagged("!" + suffix, node))
Dumper.add_representer(Tagged, lambda dumper, tagged: tagged.node)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def zip_of(binary: Path) -> bytes:
    """The zip of a binary. The same binary always gives the same zip, so that an update finds no change."""
    entry = zipfile.ZipInfo("bootstrap")
    entry.external_attr = 0o755 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compresslevel=1) as archive:
        archive.writestr(entry, binary.read_bytes())
    return packed.getvalue()


def with_built_code(template: dict, binaries: Path, s3) -> dict:
    """The template in which each function's CodeUri names an uploaded zip, without build instructions."""
    s3.create_bucket(Bucket=CODE_BUCKET)
    for logical_id, resource in template["Resources"].items():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        name = resource.pop("Metadata")["BuildProperties"]["Binary"]
        binary = binaries / name
        if not binary.is_file():
            raise Refused(f"{logical_id} has no binary: build {binary} first")
        packed = zip_of(binary)
        # The key contains a hash of the content, so the template changes exactly when the code changes.
        key = f"{name}-{hashlib.sha256(packed).hexdigest()[:16]}.zip"
        s3.put_object(Bucket=CODE_BUCKET, Key=key, Body=packed)
        resource["Properties"]["CodeUri"] = f"s3://{CODE_BUCKET}/{key}"
        say(f"uploaded {name}: {len(packed) / 1_000_000:.1f} MB")
    del template["Globals"]["Function"]["CodeUri"]
    return template


def settled(cloudformation, stack: str, deadline: float) -> dict:
    """Waits until no operation on the stack is in progress, and returns the stack."""
    while True:
        found = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        if not found["StackStatus"].endswith("_IN_PROGRESS"):
            return found
        if time.monotonic() > deadline:
            raise Refused(f"{stack} is still {found['StackStatus']}")
        time.sleep(0.1)


def failures_of(cloudformation, stack: str) -> str:
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    failed = [event for event in events if "FAILED" in event["ResourceStatus"]]
    lines = (
        f"  {event['LogicalResourceId']} ({event['ResourceType']}): {event.get('ResourceStatusReason', '')}"
        for event in failed
    )
    return "\n".join(lines)


def deploy(options) -> dict:
    def client(service: str):
        # The caller's credentials and endpoints must not be used here.
        return boto3.client(
            service,
            endpoint_url=options.endpoint,
            region_name=options.region,
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=Config(retries={"max_attempts": 1}, connect_timeout=3, s3={"addressing_style": "path"}),
        )

    template = with_built_code(yaml.load(TEMPLATE.read_text(), Loader), options.binaries, client("s3"))
    cloudformation = client("cloudformation")
    wanted = {
        "StackName": options.stack_name,
        "TemplateBody": yaml.dump(template, Dumper=Dumper, sort_keys=False, width=10_000),
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        "Parameters": [
            {"ParameterKey": key, "ParameterValue": value}
            for key, value in (pair.split("=", 1) for pair in options.parameter)
        ],
    }
    started = time.monotonic()
    try:
        cloudformation.create_stack(**wanted)
        verb = "created"
    except cloudformation.exceptions.AlreadyExistsException:
        verb = "updated"
        try:
            cloudformation.update_stack(**wanted)
        except ClientError as refusal:
            if "No updates are to be performed" not in str(refusal):
                raise
            verb = "unchanged"
    stack = settled(cloudformation, options.stack_name, started + options.timeout)
    if stack["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        reason = stack.get("StackStatusReason", "")
        raise Refused(
            f"{stack['StackStatus']}: {reason}\n{failures_of(cloudformation, options.stack_name)}\n"
            "A stack whose creation failed cannot be updated: start the emulator anew, or use another --stack-name."
        )
    say(f"{verb} {options.stack_name} in {time.monotonic() - started:.1f} s")

    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    for name in ("WebhookUrl", "SourcesUrl"):
        outputs[name] = callable_url(outputs[name], options.endpoint)
    if options.secret_string:
        client("secretsmanager").put_secret_value(
            SecretId=outputs["ShopifySecretArn"], SecretString=options.secret_string
        )
        say("put the Shopify secret")
    return outputs


def callable_url(url: str, endpoint: str) -> str:
    """The address at which the emulator serves https://API.execute-api.REGION.amazonaws.com/PATH."""
    host, path = url.removeprefix("https://").split("/", 1)
    return f"{endpoint}/_aws/execute-api/{host.split('.')[0]}/$default/{path}"


def json_object(text: str) -> str:
    if not isinstance(json.loads(text), dict):
        raise ValueError
    return text


def assignment(text: str) -> str:
    if "=" not in text:
        raise argparse.ArgumentTypeError(f"not KEY=VALUE: {text}")
    return text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--endpoint", default="http://127.0.0.1:4574", type=lambda url: url.rstrip("/"))
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--stack-name", default="promissory")
    parser.add_argument("--binaries", required=True, type=Path, help="a directory with one executable per function")
    parser.add_argument("--parameter", action="append", default=[], type=assignment, metavar="KEY=VALUE")
    parser.add_argument("--secret-string", type=json_object, metavar="JSON", help="put into the Shopify secret")
    parser.add_argument("--timeout", default=120.0, type=float, help="seconds to wait for the stack")
    options = parser.parse_args()
    try:
        outputs = deploy(options)
    except (Refused, ClientError, BotoCoreError) as failure:
        say(f"failed: {failure}")
        return 1
    json.dump(outputs, sys.stdout, indent=2, sort_keys=True)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
