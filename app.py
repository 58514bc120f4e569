"""The Chalice app: registers blueprints, nothing else."""

from chalice.app import Chalice

from chalicelib.handlers.api import api_blueprint
from chalicelib.handlers.events import events_blueprint
from chalicelib.handlers.runs import runs_blueprint
from chalicelib.wiring import VERSION, parts

app = Chalice(app_name="mlflow-steward")
app.register_blueprint(api_blueprint(VERSION))
app.register_blueprint(events_blueprint(parts))
app.register_blueprint(runs_blueprint(parts))
