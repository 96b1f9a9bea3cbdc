"""A reader's request names columns and metrics; SQL of its own is refused.

Superset lets every viewer of a chart put expressions into a data request. Row rules
hold there, but functions that run a query of their own, together with ``set_config``,
would leave both locks behind. Our pages name columns and saved metrics only.
"""

import re

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SQL_KEYS = frozenset({"where", "having"})


def names_only(payload: object) -> bool:
    """Say whether a data request holds no expression beyond a column's name."""
    if isinstance(payload, dict):
        return all(
            _is_plain(key, value) and names_only(value)
            for key, value in payload.items()
        )
    if isinstance(payload, list):
        return all(names_only(item) for item in payload)
    return True


def _is_plain(key: object, value: object) -> bool:
    if key == "sqlExpression":
        # The time axis of a chart comes as an expression that is the column's name.
        return not value or (isinstance(value, str) and bool(_NAME.fullmatch(value)))
    if key in _SQL_KEYS:
        return not value
    return True
