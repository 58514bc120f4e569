"""What Lambda reads beside the code: runbooks, signatures and hashes of stacks as JSON; certificates of RDS."""

import json
from collections.abc import Iterable
from pathlib import Path

from chalicelib.catalog.deployed import stack_hashes
from chalicelib.catalog.load import compile_catalog
from chalicelib.diagnosis.knowledge import Knowledge
from chalicelib.diagnosis.load import compile_signatures
from chalicelib.models.runbook import Runbook
from chalicelib.models.stack import Stack
from chalicelib.wiring import CATALOG_FILE, DATABASE_CA_FILE, SIGNATURES_FILE, STACKS_FILE

CERTIFICATES = f"certificates/{DATABASE_CA_FILE}"
"""Where whoever wants them puts them (docs/deploy.md); packaging downloads nothing."""


def compiled(runbooks: Iterable[Runbook], knowledge: Knowledge, stacks: Iterable[Stack]) -> dict[str, str]:
    catalog = json.dumps(compile_catalog(runbooks), separators=(",", ":"), ensure_ascii=False, sort_keys=True)
    return {
        CATALOG_FILE: catalog + "\n",
        SIGNATURES_FILE: compile_signatures(knowledge),
        STACKS_FILE: stack_hashes(stacks),
    }


def certificates(project: Path) -> dict[str, bytes]:
    path = project / CERTIFICATES
    return {DATABASE_CA_FILE: path.read_bytes()} if path.is_file() else {}
