"""Whom the S3 lane believes over TLS."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from chalicelib.aws.s3_lane import S3Lane
from chalicelib.aws.s3_lane_address import Endpoint
from chalicelib.aws.s3_lane_wire import Wire
from chalicelib.errors import AwsInvalid
from steward.bench.s3_stub import S3Stub
from steward.bench.s3_stub_server import running
from steward.bench.s3_stub_store import Bucket
from tests.functional.aws.lane_world import listed


def test_a_certificate_that_nobody_vouches_for_is_refused_and_one_of_the_bundle_taken(tmp_path):
    certificate, tls = self_signed(tmp_path)
    stub = S3Stub()
    stub.buckets["source"] = Bucket("source")
    with running(stub, tls) as url:
        assert url.startswith("https:")
        with pytest.raises(AwsInvalid, match="UntrustedCertificate"):
            listed(S3Lane(Wire(Endpoint(url), "eu-west-2", None)), "source")
        assert stub.counts == {}
        assert listed(S3Lane(Wire(Endpoint(url), "eu-west-2", None, ca_bundle=str(certificate))), "source") == []


def self_signed(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "certificate.pem", folder / "private.pem"
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, private)
    return certificate, tls
