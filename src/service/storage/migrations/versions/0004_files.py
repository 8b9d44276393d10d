"""Files: what they are, what their content is made of, and who keeps how much."""

from alembic import op

revision = "0004"
down_revision = "0003"

_STATEMENTS = """
-- What content is made of: an object in the store. Its row is there before its first byte, and goes
-- after its last, so that nothing lies in the store that no row tells of.
--
-- WRITING: being uploaded; `time` is when that was last seen to go on, `size` what it may come to.
-- STORED: whole, and some file's content.
-- DELETED: to be deleted from the store; `time` is since when.
CREATE TABLE file_objects (
    id uuid PRIMARY KEY,
    owner text COLLATE "C" NOT NULL,
    state text NOT NULL CHECK (state IN ('WRITING', 'STORED', 'DELETED')),
    size bigint NOT NULL,
    sha256 bytea,
    sealed_key bytea,
    time timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX file_objects_unsettled ON file_objects (time) WHERE state <> 'STORED';

-- `place` is the name with "/" as the least of all characters: what is in a folder is one range.
CREATE TABLE files (
    name text COLLATE "C" PRIMARY KEY,
    place text COLLATE "C" NOT NULL UNIQUE
        GENERATED ALWAYS AS (translate(name, '/', chr(1))) STORED,
    object uuid NOT NULL UNIQUE REFERENCES file_objects,
    content_type text NOT NULL,
    labels jsonb NOT NULL,
    creator text NOT NULL,
    create_time timestamptz NOT NULL,
    update_time timestamptz NOT NULL,
    version bigint NOT NULL
);

-- How many bytes of objects that are being written or stored an owner has: the sum of their sizes.
CREATE TABLE file_usage (
    owner text COLLATE "C" PRIMARY KEY,
    bytes bigint NOT NULL
);

-- What a file or folder can be shared as; like any other role they can be changed and deleted.
INSERT INTO roles (name, title, description, built_in) VALUES
    ('roles/file-reader', 'File reader', 'May read files.', false),
    ('roles/file-editor', 'File editor', 'May read, write and delete files.', false)
    ON CONFLICT DO NOTHING;
INSERT INTO role_permissions (role, permission)
    SELECT wanted.role, wanted.permission
    FROM (VALUES ('roles/file-reader', 'files.read'), ('roles/file-editor', 'files.read'),
        ('roles/file-editor', 'files.write'), ('roles/file-editor', 'files.delete'))
        AS wanted (role, permission)
    WHERE NOT EXISTS (SELECT FROM role_permissions p WHERE p.role = wanted.role);
"""


def upgrade() -> None:
    """Makes the tables, and two roles to share by."""
    op.execute(_STATEMENTS)


def downgrade() -> None:
    """The files' names would be lost."""
    raise NotImplementedError("restore a backup instead")
