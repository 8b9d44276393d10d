"""What one can do with users."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from service.access.delegation import require_rights_of
from service.access.graph import Graph
from service.access.models import State as Standing
from service.access.service import AccessService
from service.kernel import names
from service.kernel.call import Call, Committed
from service.kernel.changes import ChangeKind
from service.kernel.clock import Clock
from service.kernel.crypto import KeyRing
from service.kernel.errors import Conflict, InvalidArgument
from service.kernel.pages import weight
from service.kernel.updates import fields_to_change, state_told, take, told
from service.sessions.service import SessionService
from service.storage.cache import FollowingCache
from service.storage.database import Database, Tx
from service.storage.feed import ChangeFeed
from service.storage.pages import Page, Pager, PageRequest
from service.users.identities import Identities
from service.users.models import (
    Credentials,
    NewUser,
    PasswordChanged,
    State,
    User,
    UserCreated,
    UserDeleted,
    UserFilter,
    UserReactivated,
    UserSuspended,
    UserUpdated,
)
from service.users.passwords import PasswordHasher, require_acceptable
from service.users.repository import UserRepository

_CHANGEABLE = ("email", "display_name", "attributes")
_RELIED_ON = {"email", "attributes"}  # by other services, so not for users themselves to change
_REMEMBERED = 20_000
_MOST_ATTRIBUTES = 16 * 1024


class UserService:
    """The people who sign in."""

    def __init__(
        self,
        database: Database,
        ring: KeyRing,
        feed: ChangeFeed,
        clock: Clock,
        pager: Pager,
        hasher: PasswordHasher,
        sessions: SessionService,
        access: AccessService,
        graph: Graph,
        identities: Identities,
    ) -> None:
        self._db = database
        self._ring = ring
        self._clock = clock
        self._pager = pager
        self._hasher = hasher
        self._sessions = sessions
        self._access = access
        self._graph = graph
        self._identities = identities
        self.remembered = FollowingCache(feed, ChangeKind.USER, self._load, size=_REMEMBERED)

    def create(self, call: Call, new: NewUser, password: str) -> Committed[User]:
        """A user who is ACTIVE with a password, PENDING without.

        Raises EmailTaken, PasswordRejected.
        """
        hashed = self.hash_new(password, new) if password else None
        with self._db.transaction(call) as tx:
            return tx.commit(self.add(tx, new, hashed))

    def add(
        self,
        tx: Tx,
        new: NewUser,
        hashed: str | None,
        *,
        has_identity: bool = False,
        email_verified: bool = False,
    ) -> User:
        """The same within another's transaction, the password hashed before. Raises EmailTaken.

        Who is given an identity at a provider can sign in there, so is ACTIVE too.
        """
        now = self._clock.now()
        user = User(
            id=names.new_id(),
            email=new.email,
            display_name=new.display_name,
            attributes=new.attributes,
            state=State.ACTIVE if hashed or has_identity else State.PENDING,
            create_time=now,
            update_time=now,
            email_verified=email_verified,
        )
        _require_small(new)
        self._users(tx).insert(user, hashed)
        self._graph.add_subject(tx, user.subject, Standing(user.state))
        tx.change(ChangeKind.USER, user.subject)
        tx.record(UserCreated(user.subject, {"after": {"state": user.state}}))
        return user

    def hash_new(
        self,
        password: str,
        of: NewUser,
        *,
        field: str = "password",
        second_factor: bool = False,
    ) -> str:
        """The hash of a password that the policy takes. Raises PasswordRejected."""
        about = [*of.email.replace("@", ".").split("."), of.email, *of.display_name.split()]
        require_acceptable(password, about=about, second_factor=second_factor, field=field)
        return self._hasher.hash(password)

    def get(self, user_id: UUID) -> User:
        """The user as they are now. Raises UserNotFound."""
        with self._db.reading() as connection:
            return UserRepository(connection, self._ring).get(user_id)

    def recall(self, subject: str) -> User:
        """The user as this process remembers them, a second old at most. Raises UserNotFound."""
        return self.remembered.get(subject)

    def get_several(self, user_ids: Sequence[UUID]) -> list[User]:
        """The users, in the order asked for. Raises UserNotFound for the first that is missing."""
        with self._db.reading() as connection:
            return UserRepository(connection, self._ring).get_several(user_ids)

    def list(self, call: Call, which: UserFilter, request: PageRequest) -> Page[User]:
        """A page of users, oldest first. Who is in a group is for those who may read the group.

        Raises InvalidPageToken, PermissionDenied.
        """
        if which.group:
            self._access.require(call.principal, permission="groups.read", path=f"/{which.group}")

        def read(after: Sequence[str] | None, limit: int) -> list[User]:
            place = (datetime.fromisoformat(after[0]), UUID(after[1])) if after else None
            with self._db.reading() as connection:
                return UserRepository(connection, self._ring).list(which, place, limit)

        return self._pager.page(
            request,
            read,
            lambda user: (user.create_time.isoformat(), str(user.id)),
            lambda user: weight(user.display_name, user.attributes),
        )

    def update(
        self, call: Call, user_id: UUID, wanted: NewUser, mask: Sequence[str], *, etag: str = ""
    ) -> Committed[User]:
        """Takes the fields that `mask` names from `wanted`.

        Whoever has somebody's mail can get at their password, so another's address is changed only
        by who holds what they do. Raises UserNotFound, EtagMismatch, EmailTaken, InvalidUpdateMask,
        PermissionMissing, NotHeld.
        """
        populated = [name for name in _CHANGEABLE if getattr(wanted, name)]
        fields = fields_to_change(mask, _CHANGEABLE, populated)
        _require_small(wanted)
        if _RELIED_ON & fields:
            self._access.require(
                call.principal, permission="users.manage", path=f"/{names.user(user_id)}"
            )
        if "email" in fields and not wanted.email:
            raise InvalidArgument.field("user.email", "must not be empty")
        with self._db.transaction(call) as tx:
            users = self._users(tx)
            user = users.get_for_update(user_id)
            user.require_etag(etag)
            before = take(user, wanted, fields)
            if not before:
                return tx.commit(user)
            if "email" in before:
                user.email_verified = False
            self._write(tx, user)
            tx.record(UserUpdated(user.subject, told(before, user, ())))
            if "email" in before and call.actor != user.subject:
                require_rights_of(tx, user.subject, by="users.manage")
            return tx.commit(user)

    def suspend(self, call: Call, user_id: UUID, *, etag: str = "") -> Committed[User]:
        """Ends the user's sessions and refuses the user everywhere from the answered revision on.

        Raises UserNotFound, EtagMismatch, LastOwner.
        """
        with self._db.transaction(call) as tx:
            user = self._users(tx).get_for_update(user_id)
            user.require_etag(etag)
            if user.state is not State.SUSPENDED:
                was, user.state = user.state, State.SUSPENDED
                self._write(tx, user)
                tx.record(UserSuspended(user.subject, state_told(was, user.state)))
            else:
                tx.change(ChangeKind.USER, user.subject)  # the answer has a revision nevertheless
            self._sessions.end_all(tx, user.subject)
            self._graph.set_state(tx, user.subject, Standing.SUSPENDED)
            return tx.commit(user)

    def reactivate(self, call: Call, user_id: UUID, *, etag: str = "") -> Committed[User]:
        """Lets a suspended user in again. Raises UserNotFound, EtagMismatch."""
        with self._db.transaction(call) as tx:
            users = self._users(tx)
            user = users.get_for_update(user_id)
            user.require_etag(etag)
            if user.state is State.SUSPENDED:
                was = user.state
                user.state = State.ACTIVE if users.has_credential(user_id) else State.PENDING
                self._write(tx, user)
                tx.record(UserReactivated(user.subject, state_told(was, user.state)))
                self._graph.set_state(tx, user.subject, Standing(user.state))
            else:
                tx.change(ChangeKind.USER, user.subject)
            return tx.commit(user)

    def delete(self, call: Call, user_id: UUID, *, etag: str = "") -> Committed[None]:
        """Deletes the user, their sessions and grants.

        Raises UserNotFound, EtagMismatch, LastOwner.
        """
        with self._db.transaction(call) as tx:
            users = self._users(tx)
            user = users.get_for_update(user_id)
            user.require_etag(etag)
            self._sessions.end_for_good(tx, user.subject)
            users.delete(user_id)
            tx.change(ChangeKind.USER, user.subject)
            tx.record(UserDeleted(user.subject))
            self._graph.remove_subject(tx, user.subject)
            return tx.commit(None)

    def lock(self, tx: Tx, user_id: UUID) -> User:
        """The user as they are until the transaction ends. Raises UserNotFound."""
        return self._users(tx).get_for_update(user_id)

    def lock_by_email(self, tx: Tx, email: str) -> User | None:
        """The same by e-mail, if there is one."""
        return self._users(tx).lock_by_email(email)

    def vouch(self, tx: Tx, user: User) -> dict[str, object]:
        """The address is the user's, who was locked before; who was PENDING can sign in now.

        Answers what the event says of the state.
        """
        user.email_verified = True
        return self._write_active(tx, user)

    def find_credentials(self, email: str) -> Credentials | None:
        """What a sign-in is checked against; None where nobody could sign in so."""
        with self._db.reading() as connection:
            return UserRepository(connection, self._ring).find_credentials(email)

    def find_by_email(self, email: str) -> User | None:
        """The user with this e-mail, if there is one."""
        with self._db.reading() as connection:
            found = UserRepository(connection, self._ring).list(UserFilter(email=email), None, 1)
        return found[0] if found else None

    def still_opens(self, tx: Tx, checked: Credentials, *, new_hash: str | None = None) -> bool:
        """Whether credentials checked before the transaction hold in it; upgrades their hash.

        Raises Conflict when the password was changed in between and must be checked again.
        """
        users = self._users(tx)
        current = users.lock_credentials(checked.user_id)
        if current is None or current.password_hash is None:
            return False
        if current != checked:
            raise Conflict
        if new_hash is not None:
            users.set_password(checked.user_id, new_hash)
        return True

    def change_password(
        self,
        call: Call,
        user: User,
        password: str,
        *,
        field: str,
        checked: Credentials | None = None,
    ) -> Committed[None]:
        """Sets a new password and ends the user's sessions but the caller's own.

        `checked` is the user's own password until now; an operator changes it without.
        Raises PasswordRejected, UserNotFound, SessionRevoked, and Conflict when the password was
        changed in between.
        """
        of = NewUser(user.email, user.display_name)
        hashed = self.hash_new(password, of, field=field, second_factor=user.mfa_enabled)
        with self._db.transaction(call) as tx:
            users = self._users(tx)
            current = users.get_for_update(user.id)
            if checked is not None:
                self._sessions.require_living(tx, call.principal.session)
                if not self.still_opens(tx, checked):
                    raise Conflict
            users.set_password(user.id, hashed)
            activated = self._write_active(tx, current)
            self._sessions.end_all(
                tx, user.subject, keep=call.caller.session if call.caller else None
            )
            tx.record(PasswordChanged(user.subject, activated))
            return tx.commit(None)

    def reset_password(self, tx: Tx, user: User, hashed: str) -> None:
        """Sets the password of a user who reads their mail, and ends all of their sessions.

        The user was locked before, and the password hashed. Where nobody had shown to read that
        mail, the identities at providers go too: somebody else may have made the account with
        them, to lie in wait.
        """
        data: dict[str, object] = {"reset": True}
        if not user.email_verified and (issuers := self._identities.unlink_all(tx, user.id)):
            data["unlinked"] = issuers
        self._users(tx).set_password(user.id, hashed)
        data |= self.vouch(tx, user)
        self._sessions.end_all(tx, user.subject)
        tx.record(PasswordChanged(user.subject, data))

    def _write_active(self, tx: Tx, user: User) -> dict[str, object]:
        """Writes who can sign in from now on; answers what the event says of the state."""
        was = user.state
        if was is State.PENDING:
            user.state = State.ACTIVE
            self._graph.set_state(tx, user.subject, Standing.ACTIVE)
        self._write(tx, user)
        return {} if user.state is was else state_told(was, user.state)

    def _write(self, tx: Tx, user: User) -> None:
        user.update_time = self._clock.now()
        self._users(tx).update(user)
        tx.change(ChangeKind.USER, user.subject)

    def _load(self, subject: str) -> User:
        return self.get(names.user_id(subject))

    def _users(self, tx: Tx) -> UserRepository:
        return UserRepository(tx.connection, self._ring)


def _require_small(user: NewUser) -> None:
    """A page of a thousand users must fit into memory. Raises InvalidArgument."""
    size = sum(len(key.encode()) + len(value.encode()) for key, value in user.attributes.items())
    if size > _MOST_ATTRIBUTES:
        raise InvalidArgument.field(
            "user.attributes", f"must have at most {_MOST_ATTRIBUTES} bytes in all"
        )
