"""Who may call what. A method that is not listed is denied to everyone."""

from gatehouse_client.server import Permission, Public

RULES = {
    "/acme.documents.v1.DocumentService/GetDocument": Permission(
        "documents.read", "/projects/{project}/documents/{id}"
    ),
    "/acme.documents.v1.DocumentService/PutDocument": Permission(
        "documents.write", "/projects/{project}/documents/{id}"
    ),
    "/acme.documents.v1.DocumentService/WatchDocument": Permission(
        "documents.read", "/projects/{project}/documents/{id}"
    ),
    "/grpc.health.v1.Health/*": Public(),
}
