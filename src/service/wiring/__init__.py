"""The composition root: the only place that constructs things, from the settings, in order."""

from service.wiring.application import SERVICES, Application
from service.wiring.background import BackgroundWork
from service.wiring.services import Services, object_store_of
from service.wiring.stores import Stores

__all__ = ["SERVICES", "Application", "BackgroundWork", "Services", "Stores", "object_store_of"]
