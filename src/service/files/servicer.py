"""gatehouse.files.v1.FileService."""

from collections.abc import Iterator

from gatehouse.files.v1 import file_service_pb2 as pb
from gatehouse.files.v1 import file_service_pb2_grpc as rpc

from service.access.convert import freshness
from service.files import convert
from service.files.models import File
from service.files.service import FileService
from service.files.uploads import Uploads
from service.kernel.call import Call, Committed
from service.transport.answers import Encoded, answers
from service.transport.paging import page_request


class FileServicer(rpc.FileServiceServicer):
    """Unpacks, asks the service, packs."""

    def __init__(self, files: FileService, uploads: Uploads) -> None:
        self._files = files
        self._uploads = uploads

    @answers(convert.uploaded)
    def UploadFile(self, requests: Iterator[pb.UploadFileRequest], call: Call) -> Committed[File]:
        header = convert.header(next(requests).header, call)
        return self._uploads.upload(call, header, convert.chunks(requests))

    def DownloadFile(
        self, request: pb.DownloadFileRequest, call: Call
    ) -> Iterator[pb.DownloadFileResponse | Encoded]:
        name = call.resolve(request.name)
        return convert.downloaded(self._files.download(name, request.offset, request.length))

    def GetFile(self, request: pb.GetFileRequest, call: Call) -> pb.GetFileResponse:
        return pb.GetFileResponse(file=convert.file(self._files.get(call.resolve(request.name))))

    def ListFiles(self, request: pb.ListFilesRequest, call: Call) -> pb.ListFilesResponse:
        parent = call.resolve(request.parent)
        page = page_request(request, call.principal.subject)
        return convert.listed(self._files.list(call, parent, page, freshness(request.consistency)))

    @answers(convert.updated)
    def UpdateFile(self, request: pb.UpdateFileRequest, call: Call) -> Committed[File]:
        wanted = convert.wanted(request.file, call)
        mask = request.update_mask.paths
        return self._files.update(call, wanted, mask, etag=request.file.etag)

    @answers(convert.moved)
    def MoveFile(self, request: pb.MoveFileRequest, call: Call) -> Committed[File]:
        name, destination = call.resolve(request.name), call.resolve(request.destination)
        return self._files.move(call, name, destination, etag=request.etag)

    @answers(convert.deleted)
    def DeleteFile(self, request: pb.DeleteFileRequest, call: Call) -> Committed[None]:
        return self._files.delete(call, call.resolve(request.name), etag=request.etag)
