"""Who reads the warehouse: the signed-in person, told to PostgreSQL by name.

``access.reader()`` believes the setting ``app.login`` only from the BI login. The
name is put into the connection's options, so it must not be able to add one.
"""

import re
from typing import Any

#: Logins of people (``orchestration/warehouse.py``): nothing that ends an option.
LOGIN = re.compile(r"[a-z][a-z0-9_.-]{0,37}")

#: Nobody can have this name: it does not match ``LOGIN``. It has no scope, so no rows.
NOBODY = "-"


def login_of(username: str | None) -> str:
    """Give the reader's name, or the name nobody has when it is unknown or unsafe."""
    if username is not None and LOGIN.fullmatch(username):
        return username
    return NOBODY


def tell_reader(
    uri: Any,  # noqa: ANN401 -- SQLAlchemy's URL, passed through
    params: dict[str, Any],
    username: str | None,
    security_manager: Any,  # noqa: ANN401, ARG001 -- part of Superset's signature
    source: Any,  # noqa: ANN401, ARG001
) -> tuple[Any, dict[str, Any]]:
    """Add the reader to a warehouse connection (``DB_CONNECTION_MUTATOR``)."""
    connect_args = dict(params.get("connect_args", {}))
    connect_args["options"] = f"-c app.login={login_of(username)}"
    return uri, {**params, "connect_args": connect_args}
