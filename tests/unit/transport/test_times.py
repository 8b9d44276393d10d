"""A time is there, not there, or none that a clock can show."""

from datetime import UTC, datetime

import pytest
from gatehouse.serviceaccounts.v1 import service_account_service_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

from service.kernel.errors import InvalidArgument
from service.transport.times import optional_time


def test_a_time_is_read_in_utc() -> None:
    request = pb.CreateApiKeyRequest(expire_time=Timestamp(seconds=1))
    assert optional_time(request, "expire_time") == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)


def test_no_time_is_none() -> None:
    assert optional_time(pb.CreateApiKeyRequest(), "expire_time") is None


@pytest.mark.parametrize("seconds", [-(2**63), -62135596801, 253402300800, 2**63 - 1])
def test_a_time_beyond_the_calendar_is_refused(seconds: int) -> None:
    request = pb.CreateApiKeyRequest(expire_time=Timestamp(seconds=seconds))
    with pytest.raises(InvalidArgument) as refusal:
        optional_time(request, "expire_time")
    [told] = refusal.value.violations
    assert (told.field, told.description) == (
        "expire_time",
        "must be a time from the year 1 to 9999",
    )
