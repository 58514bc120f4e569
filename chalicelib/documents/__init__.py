"""The one YAML and JSON reader: strict, bounded, and every mistake has file, line and column.

YAML is read as YAML 1.2 core (`on` and `22:00` are text, `012` is twelve), without anchors, aliases,
tags, merge keys or duplicate keys. Nothing here opens a file: text comes in, data goes out.
"""

from chalicelib.documents.document import Document, dotted
from chalicelib.documents.json_reader import read_json
from chalicelib.documents.yaml_reader import YAML_MAX_BYTES, core_scalar, read_yaml

__all__ = ["YAML_MAX_BYTES", "Document", "core_scalar", "dotted", "read_json", "read_yaml"]
