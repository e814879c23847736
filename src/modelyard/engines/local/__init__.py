"""An engine that keeps its processes on this machine, each confined and under a user of its own."""

from modelyard.engines.local.engine import LocalEngine
from modelyard.engines.local.follower import Follower
from modelyard.engines.local.shared import SharedEngine
from modelyard.engines.local.trouble import Trouble

__all__ = ["Follower", "LocalEngine", "SharedEngine", "Trouble"]
