"""boto3 sessions for tests on moto. All of a process share what botocore reads of its service models: most of what a
new session's first client costs."""

import functools

import boto3
import botocore.session

NOBODYS = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}


@functools.cache
def _loader():
    core = botocore.session.Session()
    boto3.Session(botocore_session=core)  # adds boto3's own folder to those that are searched
    return core.get_component("data_loader")


def aws_session(region_name="eu-west-2", **keys):
    core, loader = botocore.session.Session(), _loader()
    core.register_component("data_loader", loader)
    searched = len(loader.search_paths)
    session = boto3.Session(botocore_session=core, region_name=region_name, **(keys or NOBODYS))
    del loader.search_paths[searched:]  # that folder once more
    return session
