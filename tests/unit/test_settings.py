"""Settings are read from text, or refused in one line each."""

import base64
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from service.cli.commands import app
from service.settings import Address, BadSetting, Rate, Settings

KEY = base64.b64encode(bytes(32)).decode()
OUTSIDE = {
    "GATEHOUSE_DATABASE_URL": "postgresql://gatehouse:hunter2@db/gatehouse",
    "GATEHOUSE_REDIS_URL": "rediss://:hunter2@cache:6379/0",
    "GATEHOUSE_ENCRYPTION_KEYS": KEY,
}


def read(**given: str) -> Settings:
    return Settings.read({f"GATEHOUSE_{name}": text for name, text in given.items()})


def refusal(environ: dict[str, str]) -> list[str]:
    with pytest.raises(BadSetting) as caught:
        Settings.read(environ)
    assert caught.value.__cause__ is None
    return str(caught.value).split("\n")


def refused(**given: str) -> str:
    """The one line about settings given without their prefix."""
    [line] = refusal({f"GATEHOUSE_{name}": text for name, text in given.items()})
    return line


def test_nothing_set_gives_the_contracts_defaults() -> None:
    settings = Settings.read({"PATH": "/bin"})
    assert settings.embedded
    assert settings.grpc_address == Address("127.0.0.1", 50051)
    assert settings.ops_address == Address("127.0.0.1", 9464)
    assert settings.data_dir == Path(".gatehouse")
    assert settings.access_token_lifetime == timedelta(minutes=10)
    assert settings.refresh_token_lifetime == timedelta(days=14)
    assert settings.session_lifetime == timedelta(days=90)
    assert settings.login_rate == Rate(60, 60)
    assert settings.rate_limit is None
    assert settings.log_format is None
    assert settings.file_store == (Path.cwd() / ".gatehouse/files").as_uri()
    assert not settings.file_encryption
    assert settings.file_size_limit == 5 * 1024**3
    assert settings.file_quota is None
    assert settings.reflection
    assert not settings.channelz


@pytest.mark.parametrize(
    ("text", "host", "port", "back"),
    [
        ("127.0.0.1:0", "127.0.0.1", 0, "127.0.0.1:0"),
        ("localhost:65535", "localhost", 65535, "localhost:65535"),
        ("[::1]:50051", "::1", 50051, "[::1]:50051"),
        ("[0:0:0:0:0:0:0:1]:1", "::1", 1, "[::1]:1"),
    ],
)
def test_an_address_is_a_host_and_a_port(text: str, host: str, port: int, back: str) -> None:
    address = read(GRPC_ADDRESS=text).grpc_address
    assert (address.host, address.port) == (host, port)
    assert str(address) == back


@pytest.mark.parametrize(
    "text", ["", "50051", "localhost", "::1:50051", "[1.2.3.4]:1", "[gg::]:1", "a b:1", "h:65536"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    assert f"GATEHOUSE_GRPC_ADDRESS is {text!r}: it takes" in refused(GRPC_ADDRESS=text)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("0s", timedelta(0)),
        ("500ms", timedelta(milliseconds=500)),
        ("10m", timedelta(minutes=10)),
        ("1m30s250ms", timedelta(minutes=1, seconds=30, milliseconds=250)),
        ("600s", timedelta(minutes=10)),
    ],
)
def test_a_duration_is_written_with_its_units(text: str, length: timedelta) -> None:
    assert read(DRAIN_WAIT=text).drain_wait == length


@pytest.mark.parametrize(
    "text", ["5", "s", "-5s", "1.5s", "5s1m", "1s1s", "5 s", "٥s", "11m", "9" * 9]
)
def test_what_is_no_duration_or_out_of_bounds_is_refused(text: str) -> None:
    line = refused(DRAIN_WAIT=text)
    assert line.startswith(f"GATEHOUSE_DRAIN_WAIT is {text!r}: it takes a duration from 0s to 10m")


@pytest.mark.parametrize("text", ["60", "0/minute", "60/fortnight", "60 / minute", "-1/second"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    assert "such as 60/minute" in refused(LOGIN_RATE=text)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("1", 1),
        ("1048576", 2**20),
        ("7B", 7),
        ("64KiB", 2**16),
        ("500MB", 500_000_000),
        ("256GiB", 2**38),
    ],
)
def test_a_size_is_written_with_its_unit_or_in_bytes(text: str, count: int) -> None:
    assert read(FILE_SIZE_LIMIT=text).file_size_limit == count


@pytest.mark.parametrize(
    "text", ["0", "-1", "5K", "5Ki", "5gib", "5 GB", "1.5GB", "٥", "MB", "257GiB", "9" * 30]
)
def test_what_is_no_size_or_out_of_bounds_is_refused(text: str) -> None:
    assert refused(FILE_SIZE_LIMIT=text) == (
        f"GATEHOUSE_FILE_SIZE_LIMIT is {text!r}: it takes a size from 1B to 256GiB,"
        " such as 500MB, 5GiB or 1048576"
    )


def test_a_quota_of_nothing_is_refused_since_it_may_have_meant_none() -> None:
    assert "a size from 1B to 1PiB" in refused(FILE_QUOTA="0")
    assert read(FILE_QUOTA="1TB").file_quota == 10**12


@pytest.mark.parametrize(
    "text",
    [
        "file:///srv/gatehouse/files",
        "file:///srv/my%20files/",
        "s3://bucket",
        "s3://my.bucket-1/",
        "s3://bucket/gatehouse/of=us",
    ],
)
def test_files_are_kept_in_a_folder_or_a_bucket(text: str) -> None:
    assert read(FILE_STORE_URL=text).file_store == text


def test_files_are_kept_in_the_data_dir_by_default() -> None:
    assert read(DATA_DIR="/srv/my data#1").file_store == "file:///srv/my%20data%231/files"


@pytest.mark.parametrize(
    "text",
    [
        "/srv/files",
        "file:files",
        "file://files",
        "file://host/files",
        "file:///",
        "file:////",
        "file:///srv?x",
        "file:///srv#x",
        "file:///srv%00",
        "file:///srv\n",
        "file:///\udcff",
        "https://bucket",
        "s3://",
        "s3://me:hunter2@bucket",
        "s3://bucket:9000/x",
        "s3://bucket//x",
        "s3://bucket/..",
        "s3://bucket/./x",
        "s3://bucket/x?hunter2",
        "s3://bucket/x#y",
        "s3://bücket",
    ],
)
def test_what_is_no_place_for_files_is_refused_and_not_repeated(text: str) -> None:
    assert refused(FILE_STORE_URL=text) == (
        "GATEHOUSE_FILE_STORE_URL is (hidden): it takes file:///folder or s3://bucket/prefix,"
        " without user, query or fragment"
    )


def test_a_rate_counts_per_unit() -> None:
    assert read(RATE_LIMIT="1000/hour").rate_limit == Rate(1000, 3600)


@pytest.mark.parametrize("text", ["3", "21", "twelve", "12.0", "1_2"])
def test_bcrypts_cost_stays_in_its_bounds(text: str) -> None:
    assert "a whole number from 4 to 20" in refused(BCRYPT_COST=text)


def test_a_low_bcrypt_cost_is_taken_with_a_warning() -> None:
    [warning] = read(BCRYPT_COST="9").warnings
    assert "GATEHOUSE_BCRYPT_COST is 9" in warning
    assert read(BCRYPT_COST="10").warnings == []


def test_more_than_one_worker_is_refused_for_now() -> None:
    assert "not supported yet" in refused(WORKERS="4")


@pytest.mark.parametrize(
    "text",
    [
        "gatehouse",
        "http://id.example.com",
        "https://",
        "https://id.example.com/?a=b",
        "https://id.example.com/#x",
        "https://me@id.example.com",
        "https://id.example.com:port",
    ],
)
def test_an_issuer_is_an_https_url_and_nothing_more(text: str) -> None:
    assert "an https:// URL" in refused(ISSUER=text)


def test_an_issuer_on_loopback_may_be_http() -> None:
    assert read(ISSUER="http://localhost:8080").issuer == "http://localhost:8080"


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("DATABASE_URL", "mysql://me:hunter2@db"),
        ("REDIS_URL", "http://:hunter2@cache"),
        ("ENCRYPTION_KEYS", "hunter2"),
        ("BOOTSTRAP_ADMIN_PASSWORD", "hunter2\0"),
    ],
)
def test_a_refused_secret_is_not_repeated(name: str, secret: str) -> None:
    line = refused(**{name: secret})
    assert line.startswith(f"GATEHOUSE_{name} is (hidden): it takes")
    assert "hunter2" not in line


def test_secrets_are_not_in_the_repr() -> None:
    settings = Settings.read({**OUTSIDE, "GATEHOUSE_BOOTSTRAP_ADMIN_PASSWORD": "hunter2"})
    assert settings.bootstrap_admin_password == "hunter2"
    assert "hunter2" not in repr(settings)
    assert KEY not in repr(settings)


def test_each_bad_setting_has_a_line_of_its_own() -> None:
    lines = refusal({"GATEHOUSE_WORKERS": "2\n3", "GATEHOUSE_REFLECTION": "maybe"})
    assert sorted(line.split()[0] for line in lines) == [
        "GATEHOUSE_REFLECTION",
        "GATEHOUSE_WORKERS",
    ]


def test_a_value_far_too_long_is_shown_in_part() -> None:
    line = refused(LOG_LEVEL="x" * 10_000)
    assert len(line) < 400
    assert line.endswith("…: it takes debug, info, warning or error")


def test_a_set_but_empty_variable_is_refused_rather_than_taken_as_the_default() -> None:
    assert "GATEHOUSE_DATABASE_URL is (hidden)" in refused(DATABASE_URL="")


@pytest.mark.parametrize("name", ["GRPC_ADRESS", "grpc_address", "GRPCADDRESS"])
def test_an_unknown_variable_is_answered_with_the_nearest_known(name: str) -> None:
    line = refused(**{name: "hunter2"})
    assert f"'GATEHOUSE_{name}' is no setting: the nearest is GATEHOUSE_GRPC_ADDRESS" in line
    assert "hunter2" not in line


@pytest.mark.parametrize("name", ["NOSUCH", "FOO", "X", ""])
def test_an_unknown_variable_like_no_other_is_answered_with_where_the_list_is(name: str) -> None:
    assert refused(**{name: "1"}) == f"'GATEHOUSE_{name}' is no setting: the README lists all"


def test_kubernetes_service_links_are_nobodys_settings() -> None:
    links = {
        "GATEHOUSE_SERVICE_HOST": "10.0.0.1",
        "GATEHOUSE_SERVICE_PORT": "50051",
        "GATEHOUSE_SERVICE_PORT_GRPC": "50051",
        "GATEHOUSE_PORT": "tcp://10.0.0.1:50051",
        "GATEHOUSE_PORT_50051_TCP": "tcp://10.0.0.1:50051",
        "GATEHOUSE_PORT_50051_TCP_ADDR": "10.0.0.1",
        "GATEHOUSE_OPS_PORT_9464_TCP_PROTO": "tcp",
    }
    assert Settings.read(links) == Settings.read({})


def test_what_the_command_reads_as_a_client_is_no_unknown_setting() -> None:
    variables = set(envvars(get_command(app)))
    assert "GATEHOUSE_SERVER" in variables
    assert Settings.read(dict.fromkeys(variables, "x")) == Settings.read({})


def envvars(command: Any) -> Iterator[str]:
    """The variables that a command and those below it take their options from."""
    yield from (str(option.envvar) for option in command.params if option.envvar)
    for below in getattr(command, "commands", {}).values():
        yield from envvars(below)


def test_a_toml_file_gives_settings_and_the_environment_wins(tmp_path: Path) -> None:
    file = tmp_path / "gatehouse.toml"
    file.write_text('grpc_address = "[::1]:1"\nbcrypt_cost = 11\nreflection = false\n')
    settings = Settings.read({"GATEHOUSE_CONFIG": str(file), "GATEHOUSE_BCRYPT_COST": "13"})
    assert settings.grpc_address == Address("::1", 1)
    assert settings.bcrypt_cost == 13
    assert not settings.reflection


def test_a_bad_toml_value_names_key_and_file(tmp_path: Path) -> None:
    file = tmp_path / "gatehouse.toml"
    file.write_text("bcrypt_cost = 99\nredis_url = 7\ndrain_wait = 1.5\nBCRYPT_COST = 4\nzzz = 1\n")
    redis = "redis:// or rediss:// or unix://"
    lines = refusal({"GATEHOUSE_CONFIG": str(file)})
    assert lines == [
        f"'BCRYPT_COST' in {file} is no setting: the nearest is bcrypt_cost",
        f"'zzz' in {file} is no setting: the README lists all",
        f"bcrypt_cost in {file} is 99: it takes a whole number from 4 to 20",
        f"redis_url in {file} is (hidden): it takes a URL that begins with {redis}",
        f"drain_wait in {file} is 1.5: it takes a string, a whole number, true or false",
    ]


@pytest.mark.parametrize("content", [None, b"grpc_address =", b"\xff"])
def test_a_file_that_is_not_there_or_no_toml_is_named(
    tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "gatehouse.toml"
    if content is not None:
        file.write_bytes(content)
    assert f"GATEHOUSE_CONFIG is '{file}': it takes a TOML file" in refused(CONFIG=str(file))


@pytest.mark.parametrize("missing", ["GATEHOUSE_DATABASE_URL", "GATEHOUSE_REDIS_URL"])
def test_a_database_and_redis_come_together(missing: str) -> None:
    environ = {name: text for name, text in OUTSIDE.items() if name != missing}
    [line] = refusal(environ)
    assert line.endswith(f"it takes {missing} beside it")


def test_encryption_keys_are_required_outside_embedded_mode() -> None:
    environ = {name: text for name, text in OUTSIDE.items() if "KEYS" not in name}
    [line] = refusal(environ)
    assert line == "GATEHOUSE_DATABASE_URL is set: it takes GATEHOUSE_ENCRYPTION_KEYS beside it"


def test_embedded_mode_does_not_wait_for_balancers_unless_told_to() -> None:
    assert read().drain_wait == timedelta(0)
    assert read(DRAIN_WAIT="2s").drain_wait == timedelta(seconds=2)
    assert Settings.read(OUTSIDE).drain_wait == timedelta(seconds=5)


@pytest.mark.parametrize("name", ["GRPC_ADDRESS", "OPS_ADDRESS"])
@pytest.mark.parametrize("address", ["0.0.0.0:1", "[::]:1", "gatehouse.internal:1"])
def test_plaintext_off_loopback_is_refused_unless_allowed(name: str, address: str) -> None:
    assert f"GATEHOUSE_{name} is '{address}': off loopback it takes" in refused(**{name: address})
    assert read(**{name: address}, ALLOW_PLAINTEXT="true")
    assert read(**{name: address}, TLS_CERT_FILE="c.pem", TLS_KEY_FILE="k.pem")


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"TLS_CERT_FILE": "c.pem"}, "TLS_KEY_FILE"),
        ({"TLS_KEY_FILE": "k.pem"}, "TLS_CERT_FILE"),
        ({"TLS_CLIENT_CA_FILE": "ca.pem"}, "TLS_CERT_FILE"),
    ],
)
def test_tls_files_come_together(given: dict[str, str], missing: str) -> None:
    assert refused(**given).endswith(f"it takes GATEHOUSE_{missing} beside it")


def test_a_refresh_token_does_not_outlive_its_session() -> None:
    line = refused(SESSION_LIFETIME="1d12h")
    assert line == (
        "GATEHOUSE_REFRESH_TOKEN_LIFETIME is '14d': it takes at most"
        " GATEHOUSE_SESSION_LIFETIME, '1d12h'"
    )


def test_an_access_token_does_not_outlive_its_refresh_token() -> None:
    assert "REFRESH_TOKEN_LIFETIME" in refused(REFRESH_TOKEN_LIFETIME="5m")


def test_a_refresh_is_not_repeated_after_its_access_token_has_expired() -> None:
    assert "REFRESH_GRACE is '1m': it takes at most GATEHOUSE_ACCESS_TOKEN_LIFETIME" in refused(
        REFRESH_GRACE="1m", ACCESS_TOKEN_LIFETIME="30s"
    )


@pytest.mark.parametrize("text", ["9s", "25h"])
def test_access_tokens_are_short_lived(text: str) -> None:
    assert "a duration from 10s to 24h" in refused(ACCESS_TOKEN_LIFETIME=text)
