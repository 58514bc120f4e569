"""Backup: what differs between a source and its copy, and the work that makes them alike. Knows no boto3."""
