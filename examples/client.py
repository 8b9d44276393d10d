"""A client of the service: `python client.py get apollo 42`, `python client.py put apollo 42 TEXT`.

It signs in to Gatehouse with EMAIL and PASSWORD, and shows the token to the service.
"""

import os
import sys

import grpc

from gatehouse_client import Password, Refusal, connect, token_source

pb, rpc = grpc.protos_and_services("documents.proto")


def main(action: str, project: str, document: str, *text: str) -> None:
    gatehouse = connect(os.environ.get("GATEHOUSE_SERVER", "127.0.0.1:50051"))
    # Called for each call, it answers a token that is still good.
    token = token_source(gatehouse, Password(os.environ["EMAIL"], os.environ["PASSWORD"]))

    with grpc.insecure_channel(os.environ.get("DOCUMENTS", "127.0.0.1:50061")) as channel:
        documents = rpc.DocumentServiceStub(channel)
        bearer = [("authorization", f"Bearer {token()}")]
        try:
            match action:
                case "get":
                    wanted = pb.GetDocumentRequest(project=project, id=document)
                    print(documents.GetDocument(wanted, metadata=bearer).text)
                case "put":
                    written = pb.PutDocumentRequest(
                        project=project, id=document, text=" ".join(text)
                    )
                    print("written by", documents.PutDocument(written, metadata=bearer).author)
                case "watch":
                    wanted = pb.GetDocumentRequest(project=project, id=document)
                    for version in documents.WatchDocument(wanted, metadata=bearer):
                        print(version.text, flush=True)
        except grpc.RpcError as error:
            refusal = Refusal.of(error)
            sys.exit(f"{refusal.code.name} {refusal.reason} {refusal.message}")


if __name__ == "__main__":
    main(*sys.argv[1:])
