"""KMS: message authentication codes over manifests, with a key that never leaves it."""

from typing import TYPE_CHECKING, Any

from chalicelib.aws.translate import calling
from chalicelib.errors import AwsInvalid

if TYPE_CHECKING:
    from botocore.client import BaseClient

ALGORITHM = "HMAC_SHA_256"
_WRONG = {"KMSInvalidMacException"}


class Kms:
    def __init__(self, client: "BaseClient") -> None:
        self._client: Any = client  # the stubs of KMS are not installed

    def mac(self, key: str, message: bytes) -> str:
        """Hex. The same message and key give the same one."""
        with calling("kms:GenerateMac"):
            answer = self._client.generate_mac(KeyId=key, MacAlgorithm=ALGORITHM, Message=message)
        return bytes(answer["Mac"]).hex()

    def is_right(self, key: str, message: bytes, mac: str) -> bool:
        try:
            given = bytes.fromhex(mac)
        except ValueError:
            return False
        try:
            with calling("kms:VerifyMac"):
                self._client.verify_mac(KeyId=key, MacAlgorithm=ALGORITHM, Message=message, Mac=given)
        except AwsInvalid as exc:
            if exc.code in _WRONG:
                return False
            raise
        return True
