"""A running Gatehouse in this process, and what a test needs to arrange in it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import grpc
import jwt
from sqlalchemy import text

from service.kernel.call import Call
from service.settings import Address, Rate, Settings
from service.storage.objects import ObjectStore
from service.wiring import Application, BackgroundWork, Stores
from tests.support.clients import Client, Credentials, Machine, Person

PASSWORD = "seven purple anvils sing"
ADMIN_EMAIL = Settings().bootstrap_admin_email
_ANY_PORT = Address("127.0.0.1", 0)


def settings(**given: Any) -> Settings:
    """Settings under which tests are quick and never wait for a throttle."""
    quick = Settings(
        grpc_address=_ANY_PORT,
        ops_address=_ANY_PORT,
        bcrypt_cost=4,
        login_rate=Rate(1_000_000, 60),
        log_format="json",
    )
    return replace(quick, **given)


class Site:
    """A Gatehouse somewhere, reached over gRPC, and its people."""

    def __init__(self, port: int) -> None:
        self.address = f"127.0.0.1:{port}"
        self.channel = grpc.insecure_channel(self.address)
        self.anonymous = Client(self.channel)
        self.admin = self.sign_in(Credentials("", ADMIN_EMAIL, PASSWORD))

    def sign_in(self, credentials: Credentials, *, device: str = "") -> Person:
        """A new session of someone."""
        answer = self.anonymous.auth.Login(
            email=credentials.email, password=credentials.password, device=device
        )
        return Person(self.channel, credentials, answer.tokens)

    def new_person(self, **fields: Any) -> Person:
        """A new user, signed in."""
        return self.sign_in(self.new_user(**fields))

    def new_service(self, role: str = "", *, scopes: Sequence[str] = (), **fields: Any) -> Machine:
        """A new service account, signed in with a key for the scopes, holding the role at `/`."""
        made = self.admin.service_accounts.CreateServiceAccount(service_account=fields)
        name = made.service_account.name
        if role:
            self.grant(name, role)
        return self.machine(name, self.new_key(name, scopes=scopes).secret)

    def new_key(self, name: str, **fields: Any) -> Any:
        """A new API key of a service account, and its secret."""
        return self.admin.service_accounts.CreateApiKey(service_account=name, **fields)

    def machine(self, name: str, secret: str) -> Machine:
        """A service account that signs in with a key."""
        answer = self.anonymous.auth.ExchangeApiKey(api_key=secret)
        return Machine(self.channel, name, secret, answer.tokens)

    def grant(self, subject: str, role: str, path: str = "/", **fields: Any) -> Any:
        """Grants a role; answers the grant."""
        return self.admin.access.CreateGrant(path=path, role=role, subject=subject, **fields).grant

    def new_user(self, **fields: Any) -> Credentials:
        """A new user who can sign in."""
        user = {"email": new_email()} | fields
        answer = self.admin.users.CreateUser(user=user, password=PASSWORD)
        return Credentials(answer.user.name, user["email"], PASSWORD)


class House(Site):
    """One that is served in this process, so that a test may reach behind it."""

    def __init__(self, application: Application, stores: Stores, given: Settings) -> None:
        self.application = application
        self.stores = stores
        self.settings = given
        super().__init__(application.grpc_port)

    def new_person(self, role: str = "", **fields: Any) -> Person:
        """A new user, signed in, holding the role at `/`."""
        credentials = self.new_user(**fields)
        if role:
            self.grant(credentials.name, role)
        return self.sign_in(credentials)

    def worn_out(self, person: Person) -> Client:
        """The person with a token that was good an hour ago."""
        key = self.application.services.keys.signing
        claims = jwt.decode(person.tokens.access_token, options={"verify_signature": False})
        claims |= {"iat": claims["iat"] - 3600, "exp": claims["exp"] - 3600}
        headers = {"typ": "at+jwt", "kid": key.id}
        old = jwt.encode(claims, key.private, algorithm="ES256", headers=headers)
        return person.bearing(old)

    def take_roles(self, subject: str) -> None:
        """Takes every grant of the subject's own."""
        for grant in self.admin.access.ListGrants(subject=subject).grants:
            self.admin.access.DeleteGrant(name=grant.name)

    def sql(self, statement: str, **parameters: Any) -> list[Any]:
        """Runs a statement behind the service's back; answers its rows."""
        with self.application.services.database.transaction(Call.internal("test")) as tx:
            result = tx.connection.execute(text(statement), parameters)
            rows = list(result) if result.returns_rows else []
            tx.commit(None)
        return rows


@contextmanager
def house(stores: Stores, chosen: Settings) -> Iterator[House]:
    """Serves in this process for as long as the block runs; its database is migrated."""
    given = {"bootstrap_admin_email": ADMIN_EMAIL, "bootstrap_admin_password": PASSWORD}
    with TemporaryDirectory(prefix="house-") as data_dir:
        if chosen.file_store_url is None:
            chosen = replace(chosen, data_dir=Path(data_dir))
        elif chosen.file_store_url.startswith("file:"):
            ObjectStore.open(chosen.file_store_url)  # the folder is an operator's to make
        with _serving(replace(chosen, **given), stores) as running:
            yield running


@contextmanager
def worked_off(running: House) -> Iterator[BackgroundWork]:
    """Does its background work for as long as the block runs, as a worker does."""
    work = BackgroundWork(running.settings, running.stores)
    work.start()
    try:
        yield work
    finally:
        work.stop()


@contextmanager
def _serving(given: Settings, stores: Stores) -> Iterator[House]:
    application = Application(given, stores)
    try:
        application.listen()
        application.prepare()
        application.serve()
        running = House(application, stores, given)
        try:
            yield running
        finally:
            running.channel.close()
    finally:
        application.leave()
        application.stop(grace=2.0)


def new_email(who: str = "someone") -> str:
    """An e-mail address that nobody has yet."""
    return f"{who}-{uuid4().hex[:12]}@example.org"
