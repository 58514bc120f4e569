"""The whole template: what is merged into Chalice's, and what is put right in it afterwards."""

from typing import Any

from chalicelib.models.runbook import Runbook
from chalicelib.models.stack import Stack
from steward.packaging import functions, reach_functions, watching
from steward.packaging.door import door
from steward.packaging.events import event_rules
from steward.packaging.keeping import conditions, keeping, parameters, signs_here, tags
from steward.packaging.machines import machines
from steward.packaging.messages import messages
from steward.packaging.names import Names, sub
from steward.packaging.rights import roles_here
from steward.packaging.schedules import schedules
from steward.packaging.stack_parameters import stack_parameters

Json = dict[str, Any]
SAID = "MLflow Steward, stage {stage}: looks after MLflow deployments, acts within limits, proves whether it helped"


def generated_resources(names: Names, stacks: list[Stack], runbooks: dict[str, Runbook], *, copies: bool) -> Json:
    """For `chalice package --merge-template`: dicts are merged, lists replaced."""
    signs = any(signs_here(stack, names) for stack in stacks)
    resources: Json = {
        **keeping(names, manifest_key=signs),
        **messages(names, sorted({topic for stack in stacks for topic in stack.topics})),
        **machines(names, copies=copies),
        **functions.functions(names, copies=copies),
        **event_rules(names, stacks),
        **schedules(names, stacks, runbooks),
        **watching.alarms(names, stacks),
        **watching.dashboard(names),
        **stack_parameters(names, stacks),
        **roles_here(stacks, names, runbooks, copies=copies),
        **door(names),
    }
    return {
        "Description": SAID.format(stage=names.stage),
        "Parameters": {**functions.parameters(), **parameters(), **watching.parameters()},
        "Conditions": {**functions.conditions(), **conditions(), **watching.conditions()},
        "Resources": resources,
        "Outputs": outputs(),
    }


def outputs() -> Json:
    return {
        "Table": {"Description": "Steward's state", "Value": {"Ref": "Table"}},
        "ArchiveBucket": {"Description": "Every raw event, redacted", "Value": {"Ref": "ArchiveBucket"}},
        "EvidenceBucket": {"Description": "Evidence, long plans, reports", "Value": {"Ref": "EvidenceBucket"}},
        "Machine": {"Description": "The one machine for all runs", "Value": {"Ref": "Machine"}},
        "AlarmTopic": {"Description": "Subscribe to hear of Steward's own trouble", "Value": {"Ref": "AlarmTopic"}},
        "AdvanceRole": {
            "Description": "Whom the stacks' roles trust (S23)",
            "Value": {"Fn::GetAtt": ["AdvanceRole", "Arn"]},
        },
    }


def finished(template: Json, names: Names, stacks: list[Stack]) -> Json:
    """Roles get names that other accounts can trust, `reach` is made once a stack, and outputs of moulds go."""
    resources = reach_functions.cast(template["Resources"], names, stacks)
    for title, which in _roles(resources, names).items():
        resources[title]["Properties"] |= {"RoleName": sub(names.role(which)), "Tags": tags(names)}
    left = {name: said for name, said in template["Outputs"].items() if not name.startswith("Reach")}
    return {**template, "Resources": resources, "Outputs": left}


def _roles(resources: Json, names: Names) -> dict[str, str]:
    from steward.packaging.names import LOGICAL

    del names
    wanted = {f"{title}Role": which for which, title in LOGICAL.items()} | {
        "ApiHandlerRole": "api",
        "CopyShardRole": "copy-shard",
    }
    return {title: which for title, which in wanted.items() if title in resources}
