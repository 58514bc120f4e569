"""The API's edge: what API Gateway itself answers, as problem+json; and where the stage answers, for the CLI.

The answers are part of the API's own document and not resources beside it: only so does a change of them make
a new deployment of the API, without which API Gateway goes on saying the old words.
"""

import json
from typing import Any

from chalicelib.models.problem import PROBLEM_JSON, TITLES
from steward.cli.find_stage import ADDRESSES
from steward.packaging.keeping import tag_map
from steward.packaging.names import Names

Json = dict[str, Any]
STATUSES = {
    "MISSING_AUTHENTICATION_TOKEN": 401,  # also of a path that is not there: API Gateway makes no difference
    "UNAUTHORIZED": 401,
    "ACCESS_DENIED": 403,
    "EXPIRED_TOKEN": 403,
    "INVALID_SIGNATURE": 403,
    "INVALID_API_KEY": 403,
    "RESOURCE_NOT_FOUND": 404,
    "REQUEST_TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "THROTTLED": 429,
    "QUOTA_EXCEEDED": 429,
    "BAD_REQUEST_BODY": 400,
    "BAD_REQUEST_PARAMETERS": 400,
    "DEFAULT_4XX": 400,
    "AUTHORIZER_FAILURE": 500,
    "INTEGRATION_FAILURE": 503,
    "INTEGRATION_TIMEOUT": 503,
    "DEFAULT_5XX": 500,
}


def gateway_responses() -> Json:
    return {kind: _response(status) for kind, status in STATUSES.items()}


def _response(status: int) -> Json:
    # `$context.error.messageString` brings its own quotes, and what is in it is escaped.
    head = json.dumps({"type": "about:blank", "title": TITLES[status], "status": status})[:-1]
    body = f'{head}, "detail": $context.error.messageString, "instance": "$context.requestId", "errors": []}}'
    return {
        "statusCode": str(status),
        "responseParameters": {
            "gatewayresponse.header.Content-Type": f"'{PROBLEM_JSON}'",
            "gatewayresponse.header.Cache-Control": "'no-store'",
        },
        # API Gateway looks a template up by the type that was accepted, and sends it with the header above.
        "responseTemplates": {"application/json": body},
    }


def door(names: Names) -> Json:
    address = {"Fn::Sub": f"https://${{RestAPI}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/{names.stage}"}
    return {
        "RestAPI": {
            "Properties": {
                "DefinitionBody": {"x-amazon-apigateway-gateway-responses": gateway_responses()},
                "Tags": tag_map(names),
            }
        },
        "Address": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {
                "Name": f"{ADDRESSES}/{names.stage}",
                "Type": "String",
                "Value": address,
                "Description": "Where the API of this stage answers; read by steward --on aws",
                "Tags": tag_map(names),
            },
        },
    }
