"""What an operator may set: read once at the start, refused in words, handed down by wiring."""

from service.settings.table import BadSetting, Settings
from service.settings.values import Address, Rate

__all__ = ["Address", "BadSetting", "Rate", "Settings"]
