"""Blobs in memory; the same contract over S3 is in tests/functional/store."""

import pytest

from chalicelib.errors import UnknownName
from chalicelib.store.blobs import MemoryBlobs, evidence_key


def test_a_blob_comes_back_by_its_reference():
    blobs = MemoryBlobs()
    assert blobs.get(blobs.put("evidence/a", b"log")) == b"log"


def test_a_reference_that_leads_nowhere_is_an_unknown_name():
    with pytest.raises(UnknownName, match="memory://nowhere"):
        MemoryBlobs().get("memory://nowhere")


def test_evidence_is_named_by_its_content():
    assert evidence_key(b"a") == evidence_key(b"a") != evidence_key(b"b")
    assert evidence_key(b"a").startswith("evidence/")
