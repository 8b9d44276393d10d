"""Which of the schema's constraints a statement would have broken."""

import psycopg
from sqlalchemy.exc import IntegrityError


def broken(error: IntegrityError) -> str:
    """The constraint's name; empty when PostgreSQL names none."""
    cause = error.orig
    return (cause.diag.constraint_name or "") if isinstance(cause, psycopg.Error) else ""
