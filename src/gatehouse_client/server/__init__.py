"""Protects a service of your own with Gatehouse, in three lines.

from gatehouse_client import ApiKey, connect
from gatehouse_client.server import Authenticated, AuthInterceptor, Permission, Public

RULES = {
    "/acme.documents.v1.Documents/Read": Permission("documents.read", "/documents/{id}"),
    "/acme.documents.v1.Documents/Whoami": Authenticated(),
    "/grpc.health.v1.Health/*": Public(),
}

gatehouse = connect("gatehouse.internal:50051", credentials=ApiKey(os.environ["API_KEY"]))
guard = AuthInterceptor(gatehouse, RULES, issuer="https://gatehouse.local", audience="gatehouse")
server = grpc.server(ThreadPoolExecutor(), interceptors=[guard])
...
guard.close()  # until then it follows Gatehouse, in threads of its own
gatehouse.close()

Tokens are verified here, with keys that Gatehouse publishes; what it revokes is refused at once;
who may do what is asked of it, and remembered until it says that something has changed. A handler
finds its verified caller with `current_caller()`. For a `grpc.aio.server` take
`AioAuthInterceptor`.

Needs the extra `verify`: pip install 'gatehouse[verify]'.
"""

try:
    import cryptography as _cryptography  # noqa: F401
    import jwt as _jwt  # noqa: F401
except ImportError as missing:
    raise ImportError(
        "gatehouse_client.server verifies tokens, which takes PyJWT and cryptography:"
        " pip install 'gatehouse[verify]'"
    ) from missing

from gatehouse_client.server.aio_interceptor import AioAuthInterceptor
from gatehouse_client.server.caller import Caller, current_caller
from gatehouse_client.server.interceptor import AuthInterceptor
from gatehouse_client.server.rules import Authenticated, Permission, Public, Rule

__all__ = [
    "AioAuthInterceptor",
    "AuthInterceptor",
    "Authenticated",
    "Caller",
    "Permission",
    "Public",
    "Rule",
    "current_caller",
]
