"""What S3 says is read as it was meant: every name that an object can have, and nothing out of what is no page."""

from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.aws.s3_lane_xml import UnreadableAnswer, read_page

NAMES = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=30)


def page(*keys: str) -> bytes:
    rows = "".join(f"<Contents><Key>{key}</Key><Size>1</Size><ETag>&quot;e&quot;</ETag></Contents>" for key in keys)
    top = "<EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>"
    return f'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{top}{rows}</ListBucketResult>'.encode()


@given(st.lists(NAMES), st.sampled_from([quote, quote_plus]), st.sampled_from(["", "/"]))
def test_every_name_is_read_however_a_server_escapes_it(names, escape, safe):
    assert [key for key, _, _ in read_page(page(*(escape(name, safe=safe) for name in names))).rows] == names


@pytest.mark.parametrize("cut", ["%C3", "a%C3%", "%e6%97", "%FF"])
def test_a_name_cut_inside_a_letter_makes_the_page_unreadable(cut):
    with pytest.raises(UnreadableAnswer):
        read_page(page("whole", cut))


@pytest.mark.parametrize("raw", ["50%", "%zz", "100%25%", "%"])
def test_a_percent_sign_that_escapes_nothing_stands_for_itself(raw):
    assert read_page(page(raw)).rows[0][0] == raw.replace("%25", "%")
