"""The list of the injectors that come with the product. Nothing else names them; importing it must stay cheap."""

from injectors.injector import Injector
from injectors.process import Kill, Pause, Restart

INJECTORS: tuple[type[Injector], ...] = (Kill, Pause, Restart)
