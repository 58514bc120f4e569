"""KMS: whose key it is. Nothing is ever encrypted, decrypted or changed here."""

from typing import Any, Protocol

from chalicelib.aws.translate import calling

_FOR_MACS = "GENERATE_VERIFY_MAC"


class _Client(Protocol):
    """No typed client of this service is among the pinned stubs; this is the part that is used."""

    def describe_key(self, **asked: object) -> dict[str, Any]: ...


class KmsKeys:
    def __init__(self, client: _Client) -> None:
        self._client = client

    def is_amazons(self, key: str) -> bool:
        """An AWS managed key (`aws/rds`): its policy is Amazon's, so no other account can ever use it."""
        with calling("kms:DescribeKey"):
            return bool(self._client.describe_key(KeyId=key)["KeyMetadata"].get("KeyManager") == "AWS")

    def why_unusable(self, key: str) -> str | None:
        """None: the key is there and enabled."""
        with calling("kms:DescribeKey"):
            found = self._client.describe_key(KeyId=key)["KeyMetadata"]
        state = found.get("KeyState", "Enabled")
        return None if state == "Enabled" else f"key {key} is {state}"

    def why_signs_nothing(self, key: str) -> str | None:
        """None: message authentication codes can be made with it."""
        with calling("kms:DescribeKey"):
            usage = self._client.describe_key(KeyId=key)["KeyMetadata"].get("KeyUsage")
        return self.why_unusable(key) if usage == _FOR_MACS else f"key {key} is for {usage}, not for {_FOR_MACS}"
