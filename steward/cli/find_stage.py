"""Where a stage that is deployed in this account and region answers: packaging wrote it to a parameter."""

from chalicelib.errors import AwsError, InputError

ADDRESSES = "/steward/addresses"
"""Parameters `/steward/addresses/STAGE`, each the URL of that stage's API."""


def address_of(stage: str | None) -> str:
    import boto3

    from chalicelib.aws.gateways import Aws

    session = boto3.Session()
    region = session.region_name
    if region is None:
        raise InputError("--on aws: say which region: set AWS_REGION, or a region in the AWS profile")
    try:
        found = Aws(session, region, read_only=True).ssm.parameters_under(ADDRESSES)
    except AwsError as error:
        raise InputError(f"--on aws: the stages of {region} could not be listed: {error}") from error
    stages = {name.rpartition("/")[2]: url for name, url in found.items()}
    if stage is None and len(stages) == 1:
        return next(iter(stages.values()))
    if stage is None or stage not in stages:
        known = ", ".join(sorted(stages)) or "none is deployed"
        raise InputError(f"--on aws: write aws:STAGE; stages in {region}: {known}")
    return stages[stage]
