"""The embedded AWS: moto for the APIs, and a world with moving parts for what moto lacks.

One virtual clock and a seed drive everything. The product's code does not know that it is here:
it gets a boto3 session, a clock, an HTTP port and events, like anywhere. Start in `world.py`.
"""
