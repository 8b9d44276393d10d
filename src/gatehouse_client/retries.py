"""Which calls gRPC sends again by itself, and how often.

UNAVAILABLE is retried for every method but one: the server answers it before anything has happened,
and where a connection breaks in the middle of a write, the write's `request_id` makes the repeat
safe. Not CompleteFederatedLogin, which answers it also when an identity provider fails after taking
the code: a second time the code is spent, and the refusal would hide what went wrong.
CANCELLED is what a server that is leaving ends its last calls with, whatever they had done by then;
it is retried only where a second time does no harm: reads, refreshing (the lost answer is given
again), exchanging (a lost token dies by itself), asking for a mail (of two within a minute one is
sent), and writes that carry a `request_id` (AIP-155), which a caller should always set.
"""

import json

# Told by name, because a service config knows no patterns. A test compares them with the contract.
REPEATABLE = {
    "gatehouse.access.v1.AccessService": (
        "BatchCheckAccess",
        "CheckAccess",
        "CreateGrant",
        "DeleteGrant",
        "ExplainAccess",
        "ListAccess",
        "ListGrants",
        "ListSubjects",
    ),
    "gatehouse.auth.v1.AuthService": (
        "BeginFederatedLogin",
        "ChangePassword",
        "ExchangeApiKey",
        "ExchangeToken",
        "GetJwks",
        "IntrospectToken",
        "RefreshToken",
        "RequestEmailVerification",
        "RequestPasswordReset",
        "WhoAmI",
    ),
    "gatehouse.events.v1.EventService": ("ListEvents",),
    "gatehouse.files.v1.FileService": (
        "DeleteFile",
        "GetFile",
        "ListFiles",
        "MoveFile",
        "UpdateFile",
    ),
    "gatehouse.groups.v1.GroupService": (
        "AddMember",
        "CreateGroup",
        "DeleteGroup",
        "GetGroup",
        "ListGroups",
        "ListMembers",
        "ListMemberships",
        "RemoveMember",
        "UpdateGroup",
    ),
    "gatehouse.roles.v1.RoleService": (
        "CreateRole",
        "DeleteRole",
        "GetRole",
        "ListRoles",
        "UpdateRole",
    ),
    "gatehouse.serviceaccounts.v1.ServiceAccountService": (
        "CreateApiKey",
        "CreateServiceAccount",
        "DeleteServiceAccount",
        "GetServiceAccount",
        "ListApiKeys",
        "ListServiceAccounts",
        "RevokeApiKey",
        "UpdateServiceAccount",
    ),
    "gatehouse.sessions.v1.SessionService": (
        "GetSession",
        "ListSessions",
        "RevokeAllSessions",
        "RevokeSession",
    ),
    "gatehouse.users.v1.UserService": (
        "BatchGetUsers",
        "CreateUser",
        "DeleteUser",
        "GetUser",
        "ListUsers",
        "ReactivateUser",
        "SuspendUser",
        "UpdateUser",
    ),
    "gatehouse.webhooks.v1.WebhookService": (
        "CreateWebhook",
        "DeleteWebhook",
        "GetWebhook",
        "ListDeliveries",
        "ListWebhooks",
        "PingWebhook",
        "RedeliverEvent",
        "RotateSecret",
        "UpdateWebhook",
    ),
}

# Sent once, whatever becomes of it.
_ONCE = {"service": "gatehouse.auth.v1.AuthService", "method": "CompleteFederatedLogin"}

_BACKOFF = {
    # Five attempts, the most that gRPC makes, within about 1.5 s.
    "maxAttempts": 5,
    "initialBackoff": "0.1s",
    "backoffMultiplier": 2,
    "maxBackoff": "1s",
}

SERVICE_CONFIG = json.dumps(
    {
        "loadBalancingConfig": [{"round_robin": {}}],
        "methodConfig": [
            {
                "name": [
                    {"service": service, "method": method}
                    for service, methods in REPEATABLE.items()
                    for method in methods
                ],
                "retryPolicy": _BACKOFF | {"retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"]},
            },
            {"name": [_ONCE]},
            {"name": [{}], "retryPolicy": _BACKOFF | {"retryableStatusCodes": ["UNAVAILABLE"]}},
        ],
    }
)
