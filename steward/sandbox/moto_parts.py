"""The resources that are moto's: buckets, topic and queue, logs, secrets, the database for its snapshots.

Each service's are made at the first call of that service, since a world is made hundreds of times
in a test run and most ask only for ECS and CloudWatch, which the world answers itself.
"""

import json
from collections.abc import Callable
from typing import Any

from steward.sandbox import place
from steward.sandbox.moto_objects import put_object
from steward.sandbox.secrets_answers import ARNS, FIRST_VALUES

_ENDS_AFTER = {
    "NoncurrentVersionExpiration": {"NoncurrentDays": 90},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
}
_CLOSED = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


class MotoParts:
    def __init__(self, client: Callable[[str], Any]) -> None:
        self._client = client
        self._made: set[str] = set()
        self._makers: dict[str, Callable[[], None]] = {
            "s3": self._buckets,
            "kms": self._mac_key,
            "sns": self._topic,
            "sqs": self._topic,
            "logs": self._log_group,
            "secretsmanager": self._secrets,
            "rds": self._database,
        }

    def ensure(self, service: str) -> None:
        """Called before a call of the service reaches moto."""
        maker = self._makers.get(service)
        if maker is None or maker.__name__ in self._made:
            return
        self._made.add(maker.__name__)
        maker()

    def _buckets(self) -> None:
        s3 = self._client("s3")
        for bucket in (place.BUCKET, place.BACKUP_BUCKET):
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": place.REGION})
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        keep = [{"ID": "noncurrent", "Status": "Enabled", "Filter": {"Prefix": ""}, **_ENDS_AFTER}]
        s3.put_bucket_lifecycle_configuration(Bucket=place.BACKUP_BUCKET, LifecycleConfiguration={"Rules": keep})
        closed = dict.fromkeys(_CLOSED, True)
        s3.put_public_access_block(Bucket=place.BACKUP_BUCKET, PublicAccessBlockConfiguration=closed)
        for run in ("a1f0", "b2e9"):
            key = f"{place.PREFIX}/0/{run}/artifacts/model/MLmodel"
            put_object(place.BUCKET, key, b"artifact_path: model\n")

    def _mac_key(self) -> None:
        from moto.kms.models import kms_backends

        kms = self._client("kms")
        # For a key of HMAC moto draws an RSA pair that nobody uses, for 50 ms a world; a pair of a curve takes one.
        key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
        kms_backends[place.ACCOUNT][place.REGION].keys[key].key_spec = "HMAC_256"
        kms.create_alias(AliasName=place.MAC_KEY, TargetKeyId=key)

    def _topic(self) -> None:
        topic = self._client("sns").create_topic(Name=place.TOPIC)["TopicArn"]
        sqs = self._client("sqs")
        url = sqs.create_queue(QueueName=place.QUEUE)["QueueUrl"]
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        self._client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=answer["Attributes"]["QueueArn"])

    def deliveries(self) -> list[dict[str, Any]]:
        """What reached the subscribers of ops-topic, oldest first; each is shown once."""
        self.ensure("sns")
        sqs = self._client("sqs")
        url = sqs.get_queue_url(QueueName=place.QUEUE)["QueueUrl"]
        found: list[dict[str, Any]] = []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0).get("Messages"):
            for message in messages:
                found.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def _log_group(self) -> None:
        self._client("logs").create_log_group(logGroupName=place.LOG_GROUP)

    def _secrets(self) -> None:
        from moto.secretsmanager.models import secretsmanager_backends

        client = self._client("secretsmanager")
        backend = secretsmanager_backends[place.ACCOUNT][place.REGION]
        for name, value in FIRST_VALUES.items():
            client.create_secret(Name=name, SecretString=json.dumps(value))
            # The task definition names the secret by an ARN whose end moto would choose.
            backend.secrets[name].arn = ARNS[name]

    def _database(self) -> None:
        self._client("rds").create_db_instance(
            DBInstanceIdentifier=place.DATABASE,
            DBInstanceClass="db.t3.micro",
            Engine="postgres",
            EngineVersion="15.8",
            DBName=place.DATABASE_NAME,
            AllocatedStorage=20,
            MasterUsername="mlflow",
            MasterUserPassword=place.DATABASE_PASSWORD,
            MultiAZ=True,
            BackupRetentionPeriod=7,
        )
