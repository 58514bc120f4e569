"""The Chalice app: registers blueprints, and names what Lambda calls. Nothing else."""

from chalice.app import Chalice

from chalicelib.handlers.api import api_blueprint
from chalicelib.handlers.copies import copies_blueprint
from chalicelib.handlers.events import events_blueprint
from chalicelib.handlers.reach import reach_blueprint
from chalicelib.handlers.runs import runs_blueprint
from chalicelib.handlers.webhooks import webhooks_blueprint
from chalicelib.wiring import VERSION, inside, parts

app = Chalice(app_name="mlflow-steward")
app.register_blueprint(api_blueprint(parts, VERSION))
app.register_blueprint(events_blueprint(parts))
app.register_blueprint(runs_blueprint(parts))
app.register_blueprint(copies_blueprint(parts))
app.register_blueprint(webhooks_blueprint(parts))
app.register_blueprint(reach_blueprint(inside))

# Lambda finds a handler as an attribute of a module: `app.intake`, as Chalice writes it into the template.
globals().update(app.handler_map)
