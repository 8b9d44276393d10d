"""Which page of a list a request asks for."""

import json
from typing import Any

from service.kernel.pages import PageRequest

_HOW = {"page_size", "page_token", "consistency"}  # how it is answered, not what is listed


def page_request(request: Any, *meant: str) -> PageRequest:
    """The page wanted; its token is good for the same list and arguments only.

    `meant` stands for the `subject` of a list that has one, which can be said in several ways.
    """
    arguments = type(request)()
    arguments.CopyFrom(request)
    for field in _HOW | ({"subject"} if meant else set()):
        if field in arguments.DESCRIPTOR.fields_by_name:
            arguments.ClearField(field)
    said = arguments.SerializeToString(deterministic=True).hex()
    bound = json.dumps([request.DESCRIPTOR.full_name, *meant, said])
    return PageRequest(request.page_size, request.page_token, bound)
