"""The `gatehouse` command."""

import os

# Before gRPC is imported: it logs for its own developers what we say in our words.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
