"""What can be wrong with a group."""

from service.kernel.errors import NotFound
from service.kernel.reasons import ErrorReason


class GroupNotFound(NotFound):
    """There is no group of that name."""

    reason = ErrorReason.GROUP_NOT_FOUND
    resource_type = "gatehouse.groups.v1.Group"
