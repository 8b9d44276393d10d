"""What files are made of, on a local disk or in an S3 bucket."""

from service.storage.objects.errors import PartMissing, StoreUnavailable, StrangeKey
from service.storage.objects.store import ObjectStore, StoredPart, Stray, key_of

__all__ = [
    "ObjectStore",
    "PartMissing",
    "StoreUnavailable",
    "StoredPart",
    "StrangeKey",
    "Stray",
    "key_of",
]
