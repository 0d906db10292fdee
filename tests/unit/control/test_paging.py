"""Tokens of lists."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from open_model_monitor.control.paging import LISTINGS, decode, encode
from open_model_monitor.control.shapes import operations
from open_model_monitor.errors import InvalidRequest

SECRET = b"secret"
filters = st.dictionaries(
    st.text(max_size=8), st.one_of(st.text(max_size=8), st.integers(-(2**53), 2**53)), max_size=4
)
positions = st.lists(st.one_of(st.none(), st.text(max_size=63), st.integers(-(2**53), 2**53)), max_size=3)


@given(positions, filters)
def test_round_trip(position, given_filters):
    assert decode(encode(position, given_filters, SECRET), given_filters, SECRET) == position


@given(positions, filters, filters)
def test_other_filters_are_noticed(position, first, second):
    if first != second:
        with pytest.raises(InvalidRequest, match="other filters"):
            decode(encode(position, first, SECRET), second, SECRET)


@given(positions, st.integers(0), st.integers(1, 255))
def test_a_changed_token_is_noticed(position, place, change):
    token = encode(position, {}, SECRET)
    raw = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    raw[place % len(raw)] ^= change
    with pytest.raises(InvalidRequest):
        decode(base64.urlsafe_b64encode(bytes(raw)).decode(), {}, SECRET)


@given(st.text(max_size=100))
def test_any_other_text_is_refused(text):
    with pytest.raises(InvalidRequest):
        decode(text, {}, SECRET)


def test_another_servers_secret_is_noticed():
    with pytest.raises(InvalidRequest):
        decode(encode(["a"], {}, SECRET), {}, b"another")


def test_every_list_operation_has_its_rules():
    lists = {name for name in operations() if name.startswith("List")} - {"ListTags"}
    assert set(LISTINGS) == lists
