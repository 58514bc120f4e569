"""The nouns of Steward as pydantic models. Pure: no clock, no environment, no I/O."""
