"""Where the gateways are tried."""

REGION, ACCOUNT = "eu-west-2", "123456789012"


class FakeAnswer:
    status_code = 200
    headers: dict = {}
