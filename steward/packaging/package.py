"""`steward package`: Chalice's package and what Steward generates beside it, into one folder.

Everything that can be known to be wrong is refused first. The same commit gives the same bytes.
"""

import json
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chalicelib.errors import InputError
from chalicelib.models.runbook import Runbook
from chalicelib.models.stack import Stack
from chalicelib.models.webhook import WebhookCredential
from steward.cli.knowledge import read_knowledge
from steward.packaging import workshop
from steward.packaging.api_roles import who_may_not
from steward.packaging.away import away_templates
from steward.packaging.aws_models import aws_models
from steward.packaging.bytecode_zip import make_over
from steward.packaging.deployed_stack import as_deployed
from steward.packaging.event_patterns import patterns
from steward.packaging.home import home_region, is_away
from steward.packaging.names import Names
from steward.packaging.refusals import refuse_what_cannot_work
from steward.packaging.refused_stage import wrong_stage
from steward.packaging.rights_functions import Deployed, function_policies
from steward.packaging.template import finished, generated_resources
from steward.packaging.vendored import certificates, compiled

Json = dict[str, Any]
TEMPLATE, ZIP = "sam.json", "deployment.zip"
REGION = "region"
"""A file with the region that this is made for, which `make deploy` deploys into."""
_OURS = re.compile("|".join([*map(re.escape, (TEMPLATE, ZIP, REGION, "deploy.json")), r"away-[a-z0-9-]+\.json"]))


@dataclass(frozen=True)
class Packaged:
    stage: str
    out: Path
    zip_bytes: int
    resources: int
    stacks: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def template(self) -> Path:
        return self.out / TEMPLATE

    @property
    def archive(self) -> Path:
        return self.out / ZIP

    def as_json(self) -> Json:
        return {
            "stage": self.stage,
            "template": str(self.template),
            "zip": str(self.archive),
            "zip_bytes": self.zip_bytes,
            "resources": self.resources,
            "stacks": list(self.stacks),
            "notes": list(self.notes),
        }


def package(
    project: Path, stage: str, out: Path, stacks: Mapping[str, Stack], runbooks: Mapping[str, Runbook]
) -> Packaged:
    settings = workshop.stage_of(project, stage)
    refuse_a_folder_of_others(out)
    home = home_region(settings, stacks.values()) if stacks else ""
    places = {(stack.account, stack.region) for stack in stacks.values()}  # one rule each for what AWS Health says
    rules = len(places) + sum(1 for stack in stacks.values() for _ in patterns(stack))
    refuse_what_cannot_work(stacks, runbooks, rules=rules, home=home, more=wrong_stage(stage, settings, home))
    names, ordered = Names(stage), [as_deployed(stacks[name], stage) for name in sorted(stacks)]
    given = _given(settings)
    copies = workshop.has_function(project, "copy_shard")
    policies = function_policies(names, Deployed(ordered, given.webhooks, given.fingerprint_secret, copies))
    read = compiled(runbooks.values(), read_knowledge(), ordered)
    vendor: dict[str, str | bytes] = {**read, **aws_models(), **certificates(project)}
    with tempfile.TemporaryDirectory(prefix="steward-package-") as folder:
        shop = Path(folder) / "shop"
        shop.mkdir()
        workshop.set_up(project, shop, vendor, policies)
        merge = generated_resources(names, ordered, dict(runbooks), copies=copies)
        template, archive = workshop.run_chalice(shop, stage, merge, home)
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        size = make_over(archive, out / ZIP, Path(folder))
    done = finished(template, names, ordered)
    (out / TEMPLATE).write_text(json.dumps(done, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    (out / REGION).write_text(home + "\n")
    for name, there in away_templates(ordered, names, runbooks, copies=copies, home=home).items():
        (out / f"away-{name}.json").write_text(json.dumps(there, indent=1, sort_keys=True) + "\n")
    notes = tuple(_notes(project, ordered, home, settings))
    return Packaged(stage, out, size, len(done["Resources"]), tuple(stack.stack for stack in ordered), notes)


def refuse_a_folder_of_others(out: Path) -> None:
    """What is in it is replaced: only what an earlier package left there, and `make deploy` beside it."""
    if not out.exists():
        return
    if not out.is_dir():
        raise InputError(f"{out} is a file; name a folder for the package")
    others = sorted(one.name for one in out.iterdir() if not _OURS.fullmatch(one.name))
    if others:
        raise InputError(
            f"{out} has other things in it ({others[0]}), and would be emptied: name a folder of the package's own"
        )


@dataclass(frozen=True)
class _Given:
    webhooks: dict[str, WebhookCredential]
    fingerprint_secret: str | None


def _given(settings: Json) -> _Given:
    """Of the stage's environment what rights are made of."""
    told: Mapping[str, str] = settings.get("environment_variables", {})
    webhooks = json.loads(told.get("STEWARD_WEBHOOKS") or "{}")
    read = {name: WebhookCredential.model_validate(body) for name, body in webhooks.items()}
    return _Given(read, told.get("STEWARD_FINGERPRINT_SECRET") or None)


def _notes(project: Path, stacks: list[Stack], home: str, settings: Json) -> list[str]:
    found = []
    if why := who_may_not(settings.get("environment_variables", {})):
        found.append(f"{why}; STEWARD_ROLES in .chalice/config.json says who may, see docs/deploy.md")
    if not certificates(project):
        found.append(
            "no certificates/rds-ca.pem: logins to databases are made with the system's certificates, which do not "
            "know Amazon's for RDS; docs/deploy.md says where to get them"
        )
    away = [f"away-{stack.stack}.json" for stack in stacks if is_away(stack, home)]
    if away:
        found.append(f"to be deployed in another account or region, after this: {', '.join(away)} (docs/deploy.md)")
    return found
