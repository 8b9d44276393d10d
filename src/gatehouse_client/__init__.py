"""What a service that calls Gatehouse installs beside the stubs.

from gatehouse.auth.v1 import auth_service_pb2 as auth, auth_service_pb2_grpc
from gatehouse_client import ApiKey, Refusal, connect

with connect("gatehouse.internal:50051", credentials=ApiKey(os.environ["API_KEY"])) as channel:
    try:
        me = auth_service_pb2_grpc.AuthServiceStub(channel).WhoAmI(auth.WhoAmIRequest())
    except grpc.RpcError as error:
        print(Refusal.of(error).reason)

Files go up and down with `gatehouse_client.files`, in as many attempts as it takes, and events are
followed with `gatehouse_client.events`, whatever cuts them off.

A service that wants to be protected by Gatehouse takes `gatehouse_client.server`.
"""

from gatehouse_client.access_tokens import token_source
from gatehouse_client.aio import connect_aio
from gatehouse_client.channel import connect
from gatehouse_client.credentials import ApiKey, Credentials, Password, TokenFile
from gatehouse_client.refusal import FieldViolation, Refusal

__all__ = [
    "ApiKey",
    "Credentials",
    "FieldViolation",
    "Password",
    "Refusal",
    "TokenFile",
    "connect",
    "connect_aio",
    "token_source",
]
