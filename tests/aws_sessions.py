"""boto3 sessions for tests on moto. All of a process share what botocore reads of its service models: most of what a
new session's first client costs."""

import botocore.session

from steward.sandbox.sessions import with_shared_models

NOBODYS = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}


def aws_session(region_name="eu-west-2", **keys):
    return with_shared_models(botocore.session.Session(), region_name=region_name, **(keys or NOBODYS))
