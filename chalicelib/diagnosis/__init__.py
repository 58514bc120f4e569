"""From what a sick MLflow shows to a named cause: symptoms in, findings and vetoes out.

Pure. Knowledge is data (`causes.yml`, `signatures/`), read by whoever may open files and handed in as text;
Lambda gets it compiled to JSON. Nothing here acts, and nothing read from evidence becomes an argument (S4).
"""

from chalicelib.diagnosis.diagnose import Diagnoser, diagnose
from chalicelib.diagnosis.knowledge import Knowledge
from chalicelib.diagnosis.load import compile_signatures, load_compiled, load_knowledge
from chalicelib.diagnosis.symptoms import HttpAnswer, ProbeReading, Symptoms, log_blocks

__all__ = [
    "Diagnoser",
    "HttpAnswer",
    "Knowledge",
    "ProbeReading",
    "Symptoms",
    "compile_signatures",
    "diagnose",
    "load_compiled",
    "load_knowledge",
    "log_blocks",
]
