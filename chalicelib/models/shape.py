"""The two pydantic shapes every model is made of.

`Shape` is what the code writes and reads back; `YamlShape` is what people write, in camelCase.
Both are frozen and refuse unknown keys: a misspelt field is an error, never silence.
"""

import hashlib
import json

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Shape(BaseModel):
    # defer_build: a cold start pays only for the models that its event touches.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class YamlShape(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        defer_build=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
    )


def canonical_json(value: object) -> str:
    """One spelling per value, so that equal values have equal hashes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def content_hash(value: object) -> str:
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
