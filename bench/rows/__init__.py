"""The rows of the table. A new one is a class with these three members, added to `ROWS`."""

from typing import Protocol

from bench.outcome import Outcome
from bench.rows.batch import BatchCheckAccess
from bench.rows.check import CheckAccess
from bench.rows.consistent import FullyConsistent
from bench.rows.download import Download
from bench.rows.events import Events
from bench.rows.exchange_key import ExchangeApiKey
from bench.rows.get_user import GetUser
from bench.rows.grants_scale import GrantsAtScale
from bench.rows.introspect import IntrospectToken
from bench.rows.list_files import ListFiles
from bench.rows.list_users import ListUsers
from bench.rows.login import Login
from bench.rows.refresh import RefreshToken
from bench.rows.revoke import Revocation
from bench.rows.spicedb import NestedGroups
from bench.rows.start import Start
from bench.rows.upload import Upload
from bench.rows.watch import WatchEvents
from bench.rows.webhooks import Webhooks
from bench.rows.whoami import WhoAmI
from bench.stage import Stage


class Row(Protocol):
    """One row, or a family of them that share their set-up."""

    name: str  # on the command line
    about: str  # in --help

    def measure(self, stage: Stage) -> list[Outcome]:
        """Raises Refused when anything in it does not answer OK."""


# In this order: what fills the disk or starts servers of its own comes last.
ROWS: list[Row] = [
    WhoAmI(),
    IntrospectToken(),
    GetUser(),
    CheckAccess(),
    BatchCheckAccess(),
    NestedGroups(),
    FullyConsistent(),
    RefreshToken(),
    ExchangeApiKey(),
    Login(),
    Revocation(),
    WatchEvents(),
    Webhooks(),
    Start(),
    Upload(),
    Download(),
    Events(),
    ListUsers(),
    GrantsAtScale(),
    ListFiles(),
]
