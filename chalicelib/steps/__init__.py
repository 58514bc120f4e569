"""Probes read, actions change, checks judge. One step is one file, one test, one registry line."""
