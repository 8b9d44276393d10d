"""Who may do what, where: subjects, memberships, roles, and grants as they are from now on."""

from alembic import op

revision = "0003"
down_revision = "0002"

_STATEMENTS = """
-- Whom access can be granted to. Names are compared byte by byte, here and below, so that what lies
-- under a path is one range of an index.
CREATE TABLE subjects (
    name text COLLATE "C" PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('ACTIVE', 'SUSPENDED', 'PENDING')),
    create_time timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO subjects (name, state) VALUES ('everyone', 'ACTIVE');
INSERT INTO subjects (name, state) SELECT 'users/' || id, state FROM users;

CREATE TABLE memberships (
    group_name text COLLATE "C" NOT NULL REFERENCES subjects,
    member text COLLATE "C" NOT NULL REFERENCES subjects,
    create_time timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (group_name, member)
);
CREATE INDEX memberships_member ON memberships (member, group_name);

-- Everybody in a group, directly or through others, groups included.
CREATE FUNCTION subjects_in(which text) RETURNS SETOF text LANGUAGE sql STABLE AS $$
    WITH RECURSIVE inside (name) AS (
        SELECT member FROM memberships WHERE group_name = which
        UNION
        SELECT m.member FROM inside JOIN memberships m ON m.group_name = inside.name
    )
    SELECT name FROM inside
$$;

CREATE TABLE groups (
    name text COLLATE "C" PRIMARY KEY,
    display_name text NOT NULL,
    description text NOT NULL,
    create_time timestamptz NOT NULL,
    update_time timestamptz NOT NULL,
    version bigint NOT NULL
);

CREATE TABLE service_accounts (
    name text COLLATE "C" PRIMARY KEY,
    display_name text NOT NULL,
    description text NOT NULL,
    state text NOT NULL CHECK (state IN ('ACTIVE', 'SUSPENDED')),
    create_time timestamptz NOT NULL,
    update_time timestamptz NOT NULL,
    version bigint NOT NULL
);

-- Of the secret only its SHA-256 is kept. A key's tokens belong to one session, opened when the key
-- is first used and again when that session is over.
CREATE TABLE api_keys (
    id uuid PRIMARY KEY,
    service_account text COLLATE "C" NOT NULL REFERENCES service_accounts,
    prefix text NOT NULL,
    secret_hash bytea NOT NULL,
    scopes text[] NOT NULL,
    create_time timestamptz NOT NULL,
    expire_time timestamptz,
    last_used_time timestamptz,
    revoke_time timestamptz,
    session_id uuid
);
CREATE INDEX api_keys_service_account ON api_keys (service_account, id);

CREATE TABLE roles (
    name text COLLATE "C" PRIMARY KEY,
    title text NOT NULL,
    description text NOT NULL,
    built_in boolean NOT NULL,
    create_time timestamptz NOT NULL DEFAULT clock_timestamp(),
    update_time timestamptz NOT NULL DEFAULT clock_timestamp(),
    version bigint NOT NULL DEFAULT 1
);
CREATE TABLE role_permissions (
    role text COLLATE "C" NOT NULL REFERENCES roles ON DELETE CASCADE,
    permission text COLLATE "C" NOT NULL,
    PRIMARY KEY (role, permission)
);
CREATE INDEX role_permissions_permission ON role_permissions (permission, role);

INSERT INTO roles (name, title, description, built_in) VALUES
    ('roles/owner', 'Owner', 'May do everything.', true),
    ('roles/admin', 'Administrator', 'May do everything with what Gatehouse itself keeps.', true),
    ('roles/auditor', 'Auditor', 'May see what Gatehouse itself keeps, and change nothing.', true),
    ('roles/member', 'Member', 'May look up users, groups and roles by name.', true);
INSERT INTO role_permissions (role, permission)
    SELECT 'roles/owner', '*'
    UNION ALL SELECT 'roles/admin', unnest(ARRAY[
        'access.*', 'events.*', 'files.*', 'grants.*', 'groups.*', 'jobs.*', 'memberships.*',
        'revocations.*', 'roles.*', 'serviceaccounts.*', 'sessions.*', 'tokens.*', 'users.*',
        'webhooks.*'])
    UNION ALL SELECT 'roles/auditor', unnest(ARRAY[
        'access.check', 'access.explain', 'access.list', 'events.*', 'grants.list', 'groups.list',
        'groups.read', 'memberships.list', 'roles.list', 'roles.read', 'serviceaccounts.list',
        'serviceaccounts.read', 'sessions.list', 'sessions.read', 'tokens.introspect', 'users.list',
        'users.read'])
    UNION ALL SELECT 'roles/member', unnest(ARRAY[
        'groups.read', 'roles.list', 'roles.read', 'users.read']);

ALTER TABLE grants
    ALTER path TYPE text COLLATE "C",
    ALTER role TYPE text COLLATE "C",
    ALTER subject TYPE text COLLATE "C",
    ADD effect text NOT NULL DEFAULT 'ALLOW' CHECK (effect IN ('ALLOW', 'DENY')),
    ADD expire_time timestamptz,
    ADD creator text NOT NULL DEFAULT '',
    DROP CONSTRAINT grants_path_role_subject_key,
    ADD CONSTRAINT grants_same UNIQUE NULLS NOT DISTINCT (subject, path, role, effect, expire_time),
    ADD CONSTRAINT grants_subject_fkey FOREIGN KEY (subject) REFERENCES subjects,
    ADD CONSTRAINT grants_role_fkey FOREIGN KEY (role) REFERENCES roles;
DROP INDEX grants_subject;
CREATE INDEX grants_path ON grants (path, id);
CREATE INDEX grants_role ON grants (role, id);
CREATE INDEX grants_expire_time ON grants (expire_time) WHERE expire_time IS NOT NULL;
"""


def upgrade() -> None:
    """Makes the tables, and subjects of the users there are."""
    op.execute(_STATEMENTS)


def downgrade() -> None:
    """Groups and grants would be lost."""
    raise NotImplementedError("restore a backup instead")
