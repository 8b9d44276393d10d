"""What a service that calls Gatehouse installs beside the stubs.

from gatehouse.auth.v1 import auth_service_pb2 as auth, auth_service_pb2_grpc
from gatehouse_client import Refusal, connect

with connect("gatehouse.internal:50051", ca_file=Path("ca.pem"), token=my_token) as channel:
    try:
        me = auth_service_pb2_grpc.AuthServiceStub(channel).WhoAmI(auth.WhoAmIRequest())
    except grpc.RpcError as error:
        print(Refusal.of(error).reason)
"""

from gatehouse_client.channel import connect
from gatehouse_client.refusal import FieldViolation, Refusal

__all__ = ["FieldViolation", "Refusal", "connect"]
