"""ARNs, built and taken apart."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from open_model_monitor.control.arns import ResourceKind, ResourceName, arn, parse, partition_of
from open_model_monitor.control.operations.registry import Caller
from open_model_monitor.errors import InvalidRequest

names = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", fullmatch=True)


@given(
    st.sampled_from(get_args(ResourceKind)),
    names,
    st.sampled_from(["eu-west-1", "cn-north-1", "us-gov-west-1"]),
)
def test_what_is_built_can_be_taken_apart(kind, name, region):
    caller = Caller("123456789012", region, partition=partition_of(region))
    assert parse(arn(kind, name, caller)) == ResourceName(kind, name, "123456789012", region)


@pytest.mark.parametrize(
    "text",
    [
        *("", "arn", "arn:aws:s3:::bucket", "arn:aws:sagemaker:us-east-1:1:endpoint/a"),
        *(
            "arn:aws:sagemaker:us-east-1:000000000000:notebook/a",
            "arn:aws:sagemaker:us-east-1:000000000000:endpoint/a/b",
        ),
        *(
            "arn:aws:sagemaker:us-east-1:000000000000:endpoint/a\n",
            "arn:aws:sagemaker:us-east-1:000000000000:endpoint/",
        ),
    ],
)
def test_anything_else_is_not_found(text):
    with pytest.raises(InvalidRequest, match="Could not find"):
        parse(text)


def test_partitions():
    assert [partition_of(one) for one in ("eu-west-1", "cn-north-1", "us-gov-east-1")] == [
        "aws",
        "aws-cn",
        "aws-us-gov",
    ]
