"""What the HTTP API can do, one function a route; `routes.py` is the whole table. No web framework here."""
