"""Thin Chalice blueprints: parse, call one flow, return. They are handed the parts, never build them."""
