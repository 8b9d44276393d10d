"""What can be wrong with a role; that there is none, the grants know as well."""

from service.kernel.errors import PreconditionFailed
from service.kernel.reasons import ErrorReason


class BuiltInRole(PreconditionFailed):
    """The role comes with the service."""

    reason = ErrorReason.BUILT_IN_ROLE

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} comes with Gatehouse and stays as it is; create a role instead.")
