"""S3: what is asked of it, what its refusals mean, how long it is waited for."""

import socket
import ssl
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from obstore.store import S3Store

from service.kernel.errors import StorageFull
from service.storage.objects import (
    ObjectStore,
    PartMissing,
    StoredPart,
    StoreUnavailable,
    StrangeKey,
    bucket,
)
from tests.integration.ops.conftest import Authority, Files
from tests.support.places import BucketPlace
from tests.support.places import read as read_part
from tests.support.s3 import SECRET, answering, environment, error

ONE = UUID("6a1c7a62-31f6-4a5c-9a46-2f1f5a3c11ab")
KEY = f"ab/{ONE}/00000"


@pytest.fixture
def at(aws: pytest.MonkeyPatch) -> Callable[[int], ObjectStore]:
    """A store in the S3 at a port of loopback."""

    def opened(port: int) -> ObjectStore:
        for name, value in environment(port).items():
            aws.setenv(name, value)
        return ObjectStore.open("s3://bucket/files")

    return opened


def read(store: ObjectStore) -> object:
    return read_part(store, ONE, 0, 0, 5)


def put(store: ObjectStore) -> None:
    store.put(ONE, 0, b"hello")


def delete(store: ObjectStore) -> None:
    store.delete(ONE)


def test_a_store_keeps_to_its_prefix(bucket: BucketPlace) -> None:
    for prefix in ("x", "x/y", "xy"):
        bucket.open(prefix).put(ONE, 0, prefix.encode())
    assert bucket.keys() == {f"x/{KEY}", f"x/y/{KEY}", f"xy/{KEY}"}
    assert list(bucket.open("xy").parts()) == [StoredPart(ONE, 0, 2)]
    bucket.open("xy").delete(ONE)
    bucket.open("x").delete(ONE)
    assert bucket.keys() == {f"x/y/{KEY}"}


def test_a_store_may_have_a_bucket_to_itself(bucket: BucketPlace) -> None:
    objects = bucket.open("")
    put(objects)
    assert bucket.keys() == {KEY}
    assert list(objects.parts()) == [StoredPart(ONE, 0, 5)]


@pytest.mark.long
def test_more_parts_than_one_request_tells_of_are_listed_and_deleted(bucket: BucketPlace) -> None:
    objects = bucket.open("many")
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda part: objects.put(ONE, part, b""), range(1005)))
    assert len(list(objects.parts())) == 1005
    objects.delete(ONE)
    assert bucket.keys() == set()


def test_a_part_is_put_by_one_request(at: Callable[[int], ObjectStore]) -> None:
    with answering((200, "")) as (port, requests):
        at(port).put(ONE, 0, bytes(20_000_000))
        assert requests == [f"PUT /bucket/files/{KEY}"]


@pytest.mark.parametrize("key", ["odd//key", "ab/../../etc/passwd", "./x"])
def test_a_key_that_cannot_be_listed_is_said_and_hurts_no_object(
    bucket: BucketPlace, key: str
) -> None:
    objects = ObjectStore.open(bucket.url)
    put(objects)
    bucket.lay(key, b"odd")
    with pytest.raises(StrangeKey, match="files/of=us/"):
        list(objects.parts())
    assert read(objects) == b"hello"
    delete(objects)
    assert len(bucket.keys()) == 1


def test_the_folder_marks_that_consoles_make_are_strays(bucket: BucketPlace) -> None:
    bucket.lay("", b"")
    bucket.lay("ab/", b"")
    assert [it.size for it in ObjectStore.open(bucket.url).parts()] == [0, 0]


# -- refusals


@pytest.mark.parametrize("use", [put, read, delete, ObjectStore.check])
def test_a_bucket_that_is_not_there_is_unavailable_and_no_part_is_missing(
    bucket: BucketPlace, use: Callable[[ObjectStore], object]
) -> None:
    with pytest.raises(StoreUnavailable):
        use(ObjectStore.open("s3://another-bucket/files"))


@pytest.mark.parametrize("use", [put, read, delete])
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, error("ExpiredToken")),
        (403, error("SignatureDoesNotMatch")),
        (403, error("AccessDenied")),
        (404, "no S3 here"),
        (404, ""),
        (301, ""),
    ],
)
def test_who_is_refused_or_reaches_no_s3_has_no_store(
    at: Callable[[int], ObjectStore],
    use: Callable[[ObjectStore], object],
    status: int,
    body: str,
) -> None:
    with answering((status, body)) as (port, _), pytest.raises(StoreUnavailable):
        use(at(port))


@pytest.mark.parametrize("use", [read, delete, lambda store: list(store.parts())])
def test_a_web_page_is_no_store(
    at: Callable[[int], ObjectStore], use: Callable[[ObjectStore], object]
) -> None:
    with answering((200, "<html>Please sign in")) as (port, _), pytest.raises(StoreUnavailable):
        use(at(port))


def test_a_part_is_missing_only_when_s3_says_so(at: Callable[[int], ObjectStore]) -> None:
    for answer in [(404, error("NoSuchKey")), (416, error("InvalidRange"))]:
        with answering(answer) as (port, _), pytest.raises(PartMissing):
            read(at(port))


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (507, error("XMinioStorageFull")),
        (507, ""),
        (403, error("QuotaExceeded")),
        (400, error("XMinioAdminBucketQuotaExceeded")),
    ],
)
def test_a_full_store_is_told_from_one_that_is_away(
    at: Callable[[int], ObjectStore], status: int, body: str
) -> None:
    with answering((status, body)) as (port, _), pytest.raises(StorageFull):
        put(at(port))


def test_an_object_that_is_not_deleted_is_not_said_to_be(at: Callable[[int], ObjectStore]) -> None:
    listed = (
        "<ListBucketResult><Contents>"
        f"<Key>files/{KEY}</Key><Size>5</Size><LastModified>2026-01-01T00:00:00Z</LastModified>"
        "</Contents></ListBucketResult>"
    )
    kept = (
        f"<DeleteResult><Error><Key>files/{KEY}</Key><Code>AccessDenied</Code>"
        "<Message>No.</Message></Error></DeleteResult>"
    )
    with answering((200, listed), (200, kept)) as (port, requests):
        with pytest.raises(StoreUnavailable):
            delete(at(port))
        assert [it.split()[0] for it in requests] == ["GET", "POST"]


@pytest.mark.parametrize("use", [put, read])
def test_a_store_that_stumbles_is_asked_again_a_few_times(
    at: Callable[[int], ObjectStore], use: Callable[[ObjectStore], object]
) -> None:
    busy = (503, error("SlowDown"))
    with answering(busy, busy, (206, "hello")) as (port, _):
        use(at(port))
    with answering(busy) as (port, requests):
        with pytest.raises(StoreUnavailable):
            use(at(port))
        assert len(requests) == 3


@pytest.mark.parametrize("use", [put, read, delete, ObjectStore.check])
def test_a_store_that_never_answers_is_given_up(
    at: Callable[[int], ObjectStore],
    use: Callable[[ObjectStore], object],
    aws: pytest.MonkeyPatch,
) -> None:
    aws.setattr(bucket, "_REQUEST", timedelta(milliseconds=100))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        objects = at(silent.getsockname()[1])
        with pytest.raises(StoreUnavailable):
            use(objects)


def test_nobody_waits_longer_than_15_seconds(at: Callable[[int], ObjectStore]) -> None:
    store = at(9)._place._store
    assert isinstance(store, S3Store)
    assert store.client_options == {"timeout": "10s", "connect_timeout": "3s", "allow_http": "true"}
    assert store.retry_config is not None
    # The longest: an error when the retries' time is all but over, a pause, and then no answer.
    assert store.retry_config["retry_timeout"] == timedelta(seconds=4)
    assert store.retry_config["backoff"]["max_backoff"] == timedelta(seconds=1)


# -- the environment


def test_no_secret_is_in_a_repr_or_an_error(at: Callable[[int], ObjectStore]) -> None:
    with answering((403, error("SignatureDoesNotMatch"))) as (port, _):
        objects = at(port)
        with pytest.raises(StoreUnavailable) as caught:
            put(objects)
    told = "".join(traceback.format_exception(caught.value))
    assert "SignatureDoesNotMatch" in told
    for text in (told, repr(objects), repr(vars(objects)), repr(vars(objects._place))):
        assert SECRET not in text


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"])
def test_any_usual_name_of_the_endpoint_is_taken(aws: pytest.MonkeyPatch, name: str) -> None:
    with answering((200, "")) as (port, requests):
        for variable, value in environment(port).items():
            aws.setenv(name if variable == "AWS_ENDPOINT_URL" else variable, value)
        put(ObjectStore.open("s3://bucket"))
        assert requests == [f"PUT /bucket/{KEY}"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_an_endpoint_on_loopback_may_be_without_tls(aws: pytest.MonkeyPatch, host: str) -> None:
    aws.setenv("AWS_ENDPOINT_URL", f"http://{host}:9000")
    ObjectStore.open("s3://bucket")


def test_a_companys_own_authority_is_believed_where_the_environment_names_it(
    aws: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = Authority()
    files = Files(tmp_path)
    files.put_pair(authority.issue())
    files.put(files.client_ca, authority.cert)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.cert, files.key)
    with answering((200, ""), tls=context) as (port, requests):
        for name, value in environment(port).items():
            aws.setenv(name, value.replace("http://", "https://"))
        with pytest.raises(StoreUnavailable):
            put(ObjectStore.open("s3://bucket"))
        aws.setenv("AWS_CA_BUNDLE", str(files.client_ca))
        put(ObjectStore.open("s3://bucket"))
        assert requests == [f"PUT /bucket/{KEY}"]


@pytest.mark.parametrize(
    "url", ["http://minio:9000", "http://10.0.0.7", "http://user:hunter2@minio"]
)
def test_an_endpoint_elsewhere_takes_tls_or_a_word_that_it_may_not(
    aws: pytest.MonkeyPatch, url: str
) -> None:
    aws.setenv("AWS_ENDPOINT_URL", url)
    with pytest.raises(ValueError, match="AWS_ENDPOINT_URL: off loopback it takes https://") as it:
        ObjectStore.open("s3://bucket")
    assert url not in str(it.value)
    aws.setenv("AWS_ALLOW_HTTP", "true")
    ObjectStore.open("s3://bucket")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("AWS_CHECKSUM_ALGORITHM", "none", '"none" is not a valid checksum algorithm$'),
        ("AWS_ENDPOINT_URL", "minio:9000", "^AWS_ENDPOINT_URL: it takes a URL"),
    ],
)
def test_an_environment_that_makes_no_sense_is_refused_at_once(
    aws: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    aws.setenv(name, value)
    with pytest.raises(ValueError, match=said):
        ObjectStore.open("s3://bucket")


@pytest.mark.parametrize("url", ["https://bucket/x", "bucket", "", "ftp://x"])
def test_a_store_is_in_a_folder_or_in_s3(url: str) -> None:
    with pytest.raises(ValueError, match="file:///folder or s3://bucket/prefix"):
        ObjectStore.open(url)
