"""Measures what the project promises about speed: ratios and counts within one run, never seconds of one machine."""
