"""The advisory locks that the service takes in PostgreSQL, so that no two share a number."""

from sqlalchemy import text

# Taken last in a transaction and held to its end, so that positions are commit order.
ORDER = text("SELECT pg_advisory_xact_lock(7238411)")

# Two requests with one id: the second is told so at once rather than made to wait for the first.
REQUEST = text(
    "SELECT pg_try_advisory_xact_lock(hashtextextended(:subject || ' ' || :id, 7238412))"
)

# One migration at a time, whichever process starts it; held by the connection.
MIGRATION = text("SELECT pg_advisory_lock(7238413)")

# One transaction at a time decides whether a signing key is to be made.
SIGNING_KEYS = text("SELECT pg_advisory_xact_lock(7238415)")

# One transaction at a time decides whose an identity at a provider is.
IDENTITY = text("SELECT pg_advisory_xact_lock(hashtextextended(:identity, 7238416))")
