"""What the resources of a stage are called. Fixed by the stage, so that rights can name them before they exist.

Names are texts for CloudFormation's Fn::Sub: `${AWS::Region}` and the like stand in those that are one a world.
"""

from dataclasses import dataclass
from typing import Any

from chalicelib.models.shape import content_hash

PREFIX = "mlflow-steward"
FUNCTIONS = ("intake", "schedule", "api", "advance", "sweep")
"""Those of every stage; `reach` is one a network, see `reach_function`."""
LOGICAL = {
    "intake": "Intake",
    "schedule": "Schedule",
    "api": "APIHandler",
    "webhook-authorizer": "WebhookAuthorizer",
    "advance": "Advance",
    "sweep": "Sweep",
}
"""As Chalice calls them in its template."""
ARN = "arn:${AWS::Partition}"
HERE = "${AWS::Region}:${AWS::AccountId}"

Json = dict[str, Any]


@dataclass(frozen=True)
class Names:
    stage: str

    @property
    def prefix(self) -> str:
        return f"{PREFIX}-{self.stage}"

    def function(self, which: str) -> str:
        return f"{self.prefix}-{which}"

    def function_arn(self, which: str) -> str:
        return f"{ARN}:lambda:{HERE}:function:{self.function(which)}"

    def log_group(self, which: str) -> str:
        return f"/aws/lambda/{self.function(which)}"

    def role(self, which: str) -> str:
        """With the region: roles belong to the account, and a stage may stand in two regions of it."""
        return f"{self.prefix}-{which}-${{AWS::Region}}"

    def role_arn(self, which: str) -> str:
        return f"{ARN}:iam::${{AWS::AccountId}}:role/{self.role(which)}"

    @property
    def table(self) -> str:
        return self.prefix

    @property
    def table_arn(self) -> str:
        return f"{ARN}:dynamodb:{HERE}:table/{self.table}"

    @property
    def machine_arn(self) -> str:
        return f"{ARN}:states:{HERE}:stateMachine:{self.prefix}"

    @property
    def execution_arn(self) -> str:
        return f"{ARN}:states:{HERE}:execution:{self.prefix}:*"

    def bucket(self, what: str) -> str:
        """`archive` or `evidence`: names of buckets are unique in the world."""
        return f"{self.prefix}-{what}-${{AWS::AccountId}}-${{AWS::Region}}"

    def bucket_arn(self, what: str) -> str:
        return f"{ARN}:s3:::{self.bucket(what)}"

    def queue(self, what: str) -> str:
        return f"{self.prefix}-{what}"

    @property
    def topic(self) -> str:
        return f"{self.prefix}-alarms"

    @property
    def stacks_path(self) -> str:
        """As wiring reads them."""
        return f"/steward/{self.stage}/stacks"


def sub(text: str) -> str | Json:
    """Fn::Sub only where there is something to fill in: cfn-lint minds the others."""
    return {"Fn::Sub": text} if "${" in text else text


def logical(*words: str) -> str:
    """A logical id out of names: letters and digits alone."""
    parts = "-".join(words).replace("_", "-").replace(".", "-").split("-")
    return "".join(part[:1].upper() + part[1:] for part in parts if part)


def forwarder(names: Names, stack: str) -> str:
    """The role that sends a stack's events to Steward's bus, in the stack's own account."""
    return short(f"{names.prefix}-{stack}-forward", 64)


def forward_queue(names: Names, stack: str) -> str:
    """Where the events of a stack lie that could not be sent to Steward's bus; it is in the stack's own place."""
    return short(f"{names.prefix}-{stack}-lost-forwards", 80)


def forward_topic(names: Names, stack: str) -> str:
    return f"{names.prefix}-{stack}-alarms"


def short(name: str, most: int) -> str:
    """Cut, with the hash of the whole: two that begin alike stay two."""
    return name if len(name) <= most else f"{name[: most - 9]}-{content_hash(name)[:8]}"
