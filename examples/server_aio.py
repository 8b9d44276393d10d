"""The same service with asyncio: `python server_aio.py`."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import grpc
import grpc.aio
from rules import RULES

from gatehouse_client import ApiKey, connect
from gatehouse_client.server import AioAuthInterceptor, current_caller

pb, rpc = grpc.protos_and_services("documents.proto")


class DocumentService(rpc.DocumentServiceServicer):
    """Every handler here runs only for callers who may; `current_caller()` says who it is."""

    def __init__(self) -> None:
        self._documents = {}
        self._written = asyncio.Condition()

    async def GetDocument(self, request, context):
        document = self._documents.get((request.project, request.id))
        if document is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "There is no such document.")
        return document

    async def PutDocument(self, request, context):
        document = pb.Document(
            project=request.project,
            id=request.id,
            text=request.text,
            author=current_caller().subject,
        )
        async with self._written:
            self._documents[request.project, request.id] = document
            self._written.notify_all()
        return document

    async def WatchDocument(self, request, context) -> AsyncIterator:
        """Ends by itself when the caller's session is revoked."""
        told = None
        while True:
            async with self._written:
                document = self._documents.get((request.project, request.id))
                if document is told:
                    await self._written.wait()
                    continue
            told = document
            yield document


async def serve(gatehouse_address: str, api_key: str, address: str) -> None:
    # These three lines protect the service. The channel is not an asyncio one: threads use it.
    gatehouse = connect(gatehouse_address, credentials=ApiKey(api_key))
    guard = AioAuthInterceptor(
        gatehouse, RULES, issuer="https://gatehouse.local", audience="gatehouse"
    )
    server = grpc.aio.server(interceptors=[guard])

    rpc.add_DocumentServiceServicer_to_server(DocumentService(), server)
    port = server.add_insecure_port(address)
    await server.start()
    print(f"Documents are served on port {port}", flush=True)
    leaving = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, leaving.set)
    await leaving.wait()
    await server.stop(1.0)
    guard.close()


if __name__ == "__main__":
    asyncio.run(
        serve(
            os.environ.get("GATEHOUSE_SERVER", "127.0.0.1:50051"),
            os.environ["API_KEY"],
            os.environ.get("LISTEN", "127.0.0.1:50061"),
        )
    )
