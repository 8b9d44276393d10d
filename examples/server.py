"""A service protected by Gatehouse: `python server.py`."""

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
from rules import RULES

from gatehouse_client import ApiKey, connect
from gatehouse_client.server import AuthInterceptor, current_caller

pb, rpc = grpc.protos_and_services("documents.proto")


class DocumentService(rpc.DocumentServiceServicer):
    """Every handler here runs only for callers who may; `current_caller()` says who it is."""

    def __init__(self) -> None:
        self._documents = {}
        self._written = threading.Condition()

    def GetDocument(self, request, context):
        document = self._documents.get((request.project, request.id))
        if document is None:
            context.abort(grpc.StatusCode.NOT_FOUND, "There is no such document.")
        return document

    def PutDocument(self, request, context):
        document = pb.Document(
            project=request.project,
            id=request.id,
            text=request.text,
            author=current_caller().subject,
        )
        with self._written:
            self._documents[request.project, request.id] = document
            self._written.notify_all()
        return document

    def WatchDocument(self, request, context) -> Iterator:
        """Ends by itself when the caller's session is revoked."""
        context.add_callback(self._wake)
        told = None
        while context.is_active():
            with self._written:
                document = self._documents.get((request.project, request.id))
                if document is told:
                    self._written.wait()
                    continue
            told = document
            yield document

    def _wake(self) -> None:
        with self._written:
            self._written.notify_all()


def serve(gatehouse_address: str, api_key: str, address: str) -> None:
    # These three lines protect the service.
    gatehouse = connect(gatehouse_address, credentials=ApiKey(api_key))
    guard = AuthInterceptor(
        gatehouse, RULES, issuer="https://gatehouse.local", audience="gatehouse"
    )
    server = grpc.server(ThreadPoolExecutor(), interceptors=[guard])

    rpc.add_DocumentServiceServicer_to_server(DocumentService(), server)
    port = server.add_insecure_port(address)
    server.start()
    print(f"Documents are served on port {port}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: server.stop(1.0))
    server.wait_for_termination()
    guard.close()


if __name__ == "__main__":
    serve(
        os.environ.get("GATEHOUSE_SERVER", "127.0.0.1:50051"),
        os.environ["API_KEY"],
        os.environ.get("LISTEN", "127.0.0.1:50061"),
    )
