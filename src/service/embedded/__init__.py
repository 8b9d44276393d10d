"""Embedded mode: a real PostgreSQL 18 and a real Valkey, started from their wheels.

Nothing here is a substitute for the stores of production: the same servers, the same SQL dialect
and the same clients, only started by us, with their data under DATA_DIR.
"""

from service.embedded.errors import EmbeddedError
from service.embedded.running import open_stores
from service.embedded.stores import EmbeddedStores

__all__ = ["EmbeddedError", "EmbeddedStores", "open_stores"]
