"""A local S3 endpoint that checks keys and policies: moto's server, whose identifiers are seeded.

The seed makes every start hand out the same access key, so MLflow keeps its key over a restart here.
"""

import contextlib
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tests.real.lab.child import Child, LabFailure, free_port, is_listening, wait_until
from tests.real.lab.tools import clean_env, lab_program

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "mlflow-artifacts"
REGION: Literal["eu-west-1"] = "eu-west-1"
_WARDEN = ("warden", "warden")
_EVERYTHING = ["s3:*"]
_NO_CHECKS = "1000000000"


class ObjectStore:
    def __init__(self, home: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.key: dict[str, str] = {}
        self._home = home
        self._server: Child | None = None
        home.mkdir(parents=True)
        self.start()

    def start(self) -> None:
        self._server = Child(
            [lab_program("moto_server"), "-H", "127.0.0.1", "-p", str(self.port)],
            env=clean_env(HOME=str(self._home), INITIAL_NO_AUTH_ACTION_COUNT=_NO_CHECKS),
            cwd=self._home,
        )
        wait_until(self._answers, 40, "the S3 endpoint to answer", self._server)
        self._furnish()

    def _answers(self) -> bool:
        assert self._server is not None
        if self._server.exit_code is not None:
            raise LabFailure(f"the S3 endpoint ended with {self._server.exit_code}:\n{self._server.tail()}")
        return is_listening(self.port)

    def _furnish(self) -> None:
        self._tell("seed?a=42")
        iam = self._client("iam")
        iam.create_user(UserName="mlflow")
        made = iam.create_access_key(UserName="mlflow")["AccessKey"]
        key = {"AWS_ACCESS_KEY_ID": made["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"]}
        if self.key and key != self.key:
            raise LabFailure("the S3 endpoint handed out another key after its restart")
        self.key = key
        self._allow(_EVERYTHING)
        self.create_bucket()
        self._tell("reset-auth", "0")

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            wait_until(lambda: not is_listening(self.port), 5, "the S3 endpoint's port to close")

    def env(self) -> dict[str, str]:
        """What an MLflow server needs to use it; one attempt only, or each fault would take half a minute."""
        return self.key | {
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
            "MLFLOW_S3_ENDPOINT_URL": self.url,
        }

    def create_bucket(self) -> None:
        self._s3().create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})

    def _client(self, service: str) -> Any:
        import boto3

        return boto3.session.Session(*_WARDEN, region_name=REGION).client(service, endpoint_url=self.url)  # type: ignore[call-overload]

    def _s3(self) -> "S3Client":
        client: S3Client = self._client("s3")
        return client

    def _tell(self, what: str, body: str = "") -> None:
        kind = {"Content-Type": "text/plain"}  # the usual one of a POST would be read as a form
        where = f"{self.url}/moto-api/{what}"
        asked = urllib.request.Request(where, data=body.encode(), headers=kind, method="POST")  # noqa: S310
        urllib.request.urlopen(asked, timeout=10).close()  # noqa: S310  the laboratory's own server

    def _allow(self, actions: list[str]) -> None:
        policy = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}],
        }
        self._client("iam").put_user_policy(
            UserName="mlflow", PolicyName="artifacts", PolicyDocument=json.dumps(policy)
        )

    def client(self) -> "S3Client":
        """With MLflow's own key."""
        import boto3

        key = self.key["AWS_ACCESS_KEY_ID"], self.key["AWS_SECRET_ACCESS_KEY"]
        return boto3.session.Session(*key, region_name=REGION).client("s3", endpoint_url=self.url)

    def hashes(self, prefix: str) -> dict[str, str]:
        """Key to ETag, which here is the MD5 of the content."""
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return {item["Key"]: item["ETag"] for page in pages for item in page.get("Contents", [])}

    def bodies(self, prefix: str) -> dict[str, bytes]:
        s3 = self.client()
        return {key: s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in self.hashes(prefix)}

    @contextlib.contextmanager
    def _unchecked(self) -> Iterator[None]:
        """The warden has no key of its own: checks are off while it works."""
        self._tell("reset-auth", _NO_CHECKS)
        try:
            yield
        finally:
            self._tell("reset-auth", "0")

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextlib.contextmanager
    def allowing_only(self, *actions: str) -> Iterator[None]:
        with self._unchecked():
            self._allow(list(actions))
        try:
            yield
        finally:
            with self._unchecked():
                self._allow(_EVERYTHING)

    @contextlib.contextmanager
    def without_bucket(self) -> Iterator[None]:
        with self._unchecked():
            s3 = self._s3()
            for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
                s3.delete_object(Bucket=BUCKET, Key=item["Key"])
            s3.delete_bucket(Bucket=BUCKET)
        try:
            yield
        finally:
            with self._unchecked():
                self.create_bucket()

    @contextlib.contextmanager
    def without_key(self) -> Iterator[None]:
        """The key is deleted, as after a rotation; only a fresh endpoint hands the same one out again."""
        with self._unchecked():
            self._client("iam").delete_access_key(UserName="mlflow", AccessKeyId=self.key["AWS_ACCESS_KEY_ID"])
        try:
            yield
        finally:
            self.stop()
            self.start()
