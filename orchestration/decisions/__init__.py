"""People's decisions: the one door by which they enter the warehouse."""

from orchestration.decisions.door import Decided, decide
from orchestration.decisions.errors import CellError, DecisionError
from orchestration.decisions.templates import template

__all__ = ["CellError", "Decided", "DecisionError", "decide", "template"]
