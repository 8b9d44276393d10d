"""What `make` does with the contract: generate, check, lint, breaking.

`buf/validate/validate.proto` is in no package; protovalidate carries it compiled only. So protoc is
given its descriptor, and buf is given an image of the whole contract, made by protoc.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from filecmp import cmpfiles
from pathlib import Path
from tempfile import TemporaryDirectory

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from protovalidate._gen.buf.validate import validate_pb

ROOT = Path(__file__).resolve().parent.parent
PROTO = ROOT / "proto"
GENERATED = ROOT / "src" / "generated"
BIN = Path(sys.executable).parent
VALIDATE = "buf/validate/validate.proto"


def generate(scratch: Path) -> None:
    """Makes `src/generated` anew."""
    made = make_stubs(scratch)
    for stale in files_under(GENERATED) - files_under(made):
        (GENERATED / stale).unlink()
    for path in files_under(made):
        target = GENERATED / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((made / path).read_bytes())


def check(scratch: Path) -> None:
    """Fails unless `src/generated` is exactly what `generate` would make."""
    made = make_stubs(scratch)
    paths = map(str, files_under(made) | files_under(GENERATED))
    _, differing, missing = cmpfiles(made, GENERATED, paths, shallow=False)
    if differing or missing:
        stale = "\n  ".join(sorted(differing + missing))
        sys.exit(f"src/generated is not what proto/ says; `make proto` mends it:\n  {stale}")


def lint(scratch: Path) -> None:
    """Fails if the contract breaks a rule of buf.yaml."""
    buf("lint", make_image(PROTO, scratch / "contract.binpb"))


def breaking(scratch: Path) -> None:
    """Fails if a client of the last release, the newest `v…` tag, would no longer work."""
    tags = ["git", "tag", "--merged", "HEAD", "--list", "v*", "--sort", "-version:refname"]
    found = subprocess.run(tags, cwd=ROOT, capture_output=True, text=True, check=False)
    if not found.stdout:
        print("breaking: nothing to compare with,", found.stderr.strip() or "no release is tagged")
        return
    release = found.stdout.split()[0]
    archive = scratch / "release.zip"
    run(["git", "archive", f"--output={archive}", release, "proto"])
    shutil.unpack_archive(archive, scratch / "release")
    print(f"breaking: compared with {release}")
    released = make_image(scratch / "release" / "proto", scratch / "release.binpb")
    buf("breaking", make_image(PROTO, scratch / "contract.binpb"), "--against", str(released))


def make_stubs(scratch: Path) -> Path:
    out = scratch / "stubs"
    out.mkdir()
    plugins = [f"--plugin={BIN / name}" for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")]
    ours = protos_under(PROTO)
    services = [path for path in ours if path.endswith("_service.proto")]
    messages = [f"--python_out={out}", f"--mypy_out=quiet:{out}"]
    stubs = [f"--grpc_python_out={out}", f"--mypy_grpc_out=quiet:{out}"]
    protoc(PROTO, scratch, [*plugins, *messages, *ours, VALIDATE])
    protoc(PROTO, scratch, [*plugins, *stubs, *services])
    for package in out.iterdir():
        (package / "py.typed").touch()
    return out


def make_image(proto: Path, image: Path) -> Path:
    complete = ["--include_imports", "--include_source_info", f"--descriptor_set_out={image}"]
    protoc(proto, image.parent, [*complete, *protos_under(proto)])
    return image


def protoc(proto: Path, scratch: Path, arguments: Iterable[str]) -> None:
    validate = scratch / "validate.binpb"
    files = FileDescriptorSet()
    files.file.add().ParseFromString(validate_pb.desc().proto.to_binary())
    validate.write_bytes(files.SerializeToString())
    sources = [f"--proto_path={proto}", f"--descriptor_set_in={validate}"]
    run([sys.executable, "-m", "grpc_tools.protoc", *sources, *arguments])


def buf(rule_set: str, image: Path, *arguments: str) -> None:
    # An image does not say which files are only imported; --path keeps the rules to our own.
    ours = ["--config", str(ROOT / "buf.yaml"), "--path", "gatehouse"]
    run([str(BIN / "buf"), rule_set, str(image), *ours, *arguments])


def run(command: list[str]) -> None:
    finished = subprocess.run(command, cwd=ROOT, check=False)
    if finished.returncode != 0:
        sys.exit(finished.returncode)


def protos_under(proto: Path) -> list[str]:
    return sorted(path.relative_to(proto).as_posix() for path in proto.rglob("*.proto"))


def files_under(folder: Path) -> set[Path]:
    return {
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


COMMANDS: dict[str, Callable[[Path], None]] = {
    command.__name__: command for command in (generate, check, lint, breaking)
}

if __name__ == "__main__":
    if sys.argv[1:] not in [[name] for name in COMMANDS]:
        sys.exit(f"usage: protos.py {' | '.join(COMMANDS)}")
    with TemporaryDirectory() as scratch:
        COMMANDS[sys.argv[1]](Path(scratch))
