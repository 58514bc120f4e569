"""The logged models of one run (MLflow 3), which lie beside it under `EXPERIMENT/models/m-…` and go with it.

Only MLflow knows whose they are: no key says it. Where it cannot be asked, that is said, and nothing is guessed.
"""

from chalicelib.errors import AwsError, HttpFailure, MlflowRefused, MlflowUnbelievable, StepRefused
from chalicelib.steps.mlflow_api import MlflowApi
from chalicelib.steps.step import StepContext


def models_of(ctx: StepContext, run: str) -> tuple[tuple[str, ...], str]:
    """Their ids, and what to say of it in a plan."""
    try:
        api = MlflowApi(ctx)
        api.prove_admin()
        api.find_workspaces()
        found = api.run(run)
        if found is None:
            return (), "; MLflow knows no such run, so what it logged as models (EXPERIMENT/models/m-…) stays out"
        models = sorted(one.id for one in api.logged_models((found.experiment,)) if one.source_run == run)
    except (AwsError, HttpFailure, MlflowRefused, MlflowUnbelievable, StepRefused) as why:
        return (
            (),
            f"; its logged models (EXPERIMENT/models/m-…) stay out, since MLflow did not tell them: {why}",
        )
    return tuple(models), f", with {len(models)} logged models" if models else ""
