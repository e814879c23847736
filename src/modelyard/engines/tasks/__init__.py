"""An executor that runs attempts at tasks on this machine, each confined, and looked after by a process of its own."""

from modelyard.engines.tasks.executor import LocalExecutor

__all__ = ["LocalExecutor"]
