"""Reads the signatures that are shipped: the one place that opens their files."""

from chalicelib.diagnosis.knowledge import Knowledge
from chalicelib.diagnosis.load import load_knowledge
from steward.cli.folders import PROJECT, yaml_files


def read_knowledge() -> Knowledge:
    place = PROJECT / "chalicelib" / "diagnosis"
    files = yaml_files(place / "signatures")
    return load_knowledge(
        ("causes.yml", (place / "causes.yml").read_bytes()),
        {f"signatures/{path.name}": path.read_bytes() for path in files},
    )
