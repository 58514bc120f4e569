"""The artifact store goes wrong. MLflow's /health knows nothing of it."""

from tests.real.faults.fault import Fault, Seen
from tests.real.lab.laboratory import STORE, Laboratory
from tests.real.lab.mlflow_server import MlflowServer

FORGED = {"AWS_SECRET_ACCESS_KEY": "a-secret-that-is-not-the-one"}


def _listed(server: MlflowServer) -> Seen:
    since = server.mark()
    answer = server.list_artifacts()
    server.child.settle()
    return Seen(server.child.lines(since), answer)


def _uploaded(server: MlflowServer) -> Seen:
    since = server.mark()
    answer = server.put_artifact("written.txt")
    server.child.settle()
    return Seen(server.child.lines(since), answer)


def bucket_missing_on_listing(lab: Laboratory) -> Seen:
    with lab.objects.without_bucket():
        return _listed(lab.mlflow)


def bucket_missing_on_upload(lab: Laboratory) -> Seen:
    with lab.objects.without_bucket():
        return _uploaded(lab.mlflow)


def object_store_stopped(lab: Laboratory) -> Seen:
    lab.mlflow  # noqa: B018
    with lab.objects.stopped():
        return _listed(lab.mlflow)


def listing_denied(lab: Laboratory) -> Seen:
    with lab.objects.allowing_only("s3:GetObject", "s3:PutObject"):
        return _listed(lab.mlflow)


def upload_denied(lab: Laboratory) -> Seen:
    with lab.objects.allowing_only("s3:ListBucket", "s3:GetObject"):
        return _uploaded(lab.mlflow)


def access_key_deleted(lab: Laboratory) -> Seen:
    lab.mlflow  # noqa: B018
    with lab.objects.without_key():
        return _uploaded(lab.mlflow)


def access_key_absent(lab: Laboratory) -> Seen:
    env = {name: value for name, value in lab.objects.env().items() if name not in lab.objects.key}
    return _of_another_server(lab, env)


def secret_key_wrong(lab: Laboratory) -> Seen:
    return _of_another_server(lab, lab.objects.env() | FORGED)


def _of_another_server(lab: Laboratory, env: dict[str, str]) -> Seen:
    backend = lab.postgres.uri(lab.fresh_database())
    server = lab.server(backend, "--artifacts-destination", STORE, env=env)
    try:
        return _uploaded(server.wait_until_ready())
    finally:
        server.stop()


FAULTS = (
    Fault("s3.bucket_missing", bucket_missing_on_listing, r"bucket does not exist", status=404),
    Fault("s3.bucket_missing", bucket_missing_on_upload, r"\(NoSuchBucket\)", status=500),
    Fault("s3.endpoint_unreachable", object_store_stopped, r"Could not connect to the endpoint URL", status=500),
    Fault("s3.access_denied", listing_denied, r"PERMISSION_DENIED.*Access Denied", status=403),
    Fault("s3.access_denied", upload_denied, r"\(AccessDenied\)", status=500),
    Fault("s3.invalid_credentials", access_key_deleted, r"\(InvalidAccessKeyId\)", status=500),
    Fault("s3.no_credentials", access_key_absent, r"Unable to locate credentials", status=500),
    Fault("s3.signature_or_clock", secret_key_wrong, r"\(SignatureDoesNotMatch\)", status=500),
)
