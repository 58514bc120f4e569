"""For schemathesis: signs each request as the sandbox's admin, as the CLI would with a real identity."""

import base64
import json
import os

import requests
import schemathesis
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import strategies


class Signed(requests.auth.AuthBase):
    def __call__(self, prepared):
        # What a client library adds after this is not part of what is signed.
        kept = {"host": requests.utils.urlparse(prepared.url).netloc}
        request = AWSRequest(prepared.method, prepared.url, kept, prepared.body or b"")
        who = Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
        SigV4Auth(who, "execute-api", "eu-west-2").add_auth(request)
        prepared.headers.update(request.headers.items())
        return prepared


schemathesis.auth.set_from_requests(Signed())


@schemathesis.hook
def after_load_schema(context, schema):
    """A cursor is whatever a list gave out; one that somebody made up is refused, which has its own tests."""
    row = base64.urlsafe_b64encode(json.dumps(["2026-11-02T09:00:00#r", "RUN#r", "META"]).encode()).decode()
    schemathesis.openapi.format("cursor", strategies.just(row))
