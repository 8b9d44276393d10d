"""Contracts that only tests have, compiled when they are needed."""

import importlib.resources
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

from buf.validate import validate_pb2
from gatehouse.options.v1 import auth_pb2
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_tools import protoc

_KNOWN = (auth_pb2, validate_pb2)


def compiled(proto: str, *, name: str) -> Any:
    """The file descriptor of a proto that may use our options and buf's rules."""
    with TemporaryDirectory() as folder:
        source, out = Path(folder, name), Path(folder, "out.binpb")
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text(proto)
        known = Path(folder, "known.binpb")
        known.write_bytes(_known())
        google = importlib.resources.files("grpc_tools") / "_proto"
        arguments = [f"--proto_path={folder}", f"--proto_path={google}"]
        arguments += [f"--descriptor_set_in={known}", f"--descriptor_set_out={out}", name]
        assert protoc.main(["protoc", *arguments]) == 0
        made = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(made.file[-1].SerializeToString())
    return pool.FindFileByName(name)


@cache
def _known() -> bytes:
    files = descriptor_pb2.FileDescriptorSet()
    seen: set[str] = set()

    def add(file: Any) -> None:
        if file.name not in seen:
            seen.add(file.name)
            for needed in file.dependencies:
                add(needed)
            file.CopyToProto(files.file.add())

    modules: tuple[ModuleType, ...] = _KNOWN
    for module in modules:
        add(module.DESCRIPTOR)
    return files.SerializeToString()
