"""What can be wrong with a file."""

from service.kernel.errors import (
    Aborted,
    DataLoss,
    InvalidArgument,
    NotFound,
    OutOfRange,
    ResourceExhausted,
)
from service.kernel.reasons import ErrorReason


class FileNotFound(NotFound):
    """There is no file of that name."""

    reason = ErrorReason.FILE_NOT_FOUND
    resource_type = "gatehouse.files.v1.File"


class FileTooLarge(InvalidArgument):
    """The content is larger than files may be."""

    reason = ErrorReason.FILE_TOO_LARGE


class ContentMismatch(InvalidArgument):
    """The content is not what the header promised."""

    reason = ErrorReason.CONTENT_MISMATCH


class QuotaExceeded(ResourceExhausted):
    """The caller would keep more bytes than they may."""

    reason = ErrorReason.QUOTA_EXCEEDED

    def __init__(self, quota: int) -> None:
        super().__init__(
            f"You may keep {quota} bytes of files, and this would be more; delete some first.", 60.0
        )


class UploadGivenUp(Aborted):
    """The upload stood still for so long that what there was of it has been deleted."""

    reason = ErrorReason.UPLOAD_GIVEN_UP

    def __init__(self) -> None:
        super().__init__("The upload stood still for too long and was given up; start it again.")


class FileChanged(Aborted):
    """The content was replaced or deleted while it was sent."""

    reason = ErrorReason.FILE_CHANGED

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} was replaced or deleted while it was sent; download it again.")


class OffsetOutOfRange(OutOfRange):
    """The offset is beyond the end of the file."""

    reason = ErrorReason.OFFSET_OUT_OF_RANGE

    def __init__(self, name: str, size: int) -> None:
        super().__init__(f"offset: {name} has {size} bytes.", {"size": str(size)})


class FileDamaged(DataLoss):
    """The content in the store is not what was put there."""

    reason = ErrorReason.FILE_DAMAGED

    def __init__(self, name: str) -> None:
        super().__init__(f"The content of {name} is missing or damaged; tell an operator.")
