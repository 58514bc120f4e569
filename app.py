"""The Chalice app: registers blueprints, nothing else."""

from chalice.app import Chalice

from chalicelib.handlers.api import api_blueprint
from chalicelib.handlers.events import events_blueprint
from chalicelib.handlers.reach import reach_blueprint
from chalicelib.handlers.runs import runs_blueprint
from chalicelib.wiring import VERSION, inside, parts

app = Chalice(app_name="mlflow-steward")
app.register_blueprint(api_blueprint(parts, VERSION))
app.register_blueprint(events_blueprint(parts))
app.register_blueprint(runs_blueprint(parts))
app.register_blueprint(reach_blueprint(inside))
