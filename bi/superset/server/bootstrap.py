"""Prepares Superset's metadata: schema, permissions, and the publisher's account.

Run as ``python -m bi.superset.server.bootstrap`` with the server's environment. It is
one process, because starting Superset costs more than the work.
"""

import os
import sys

from flask_migrate import upgrade
from superset.app import create_app
from superset.extensions import appbuilder, db, security_manager

SERVICE_ACCOUNT = "reestr_service"


def _make_service_account(password: str) -> None:
    user = security_manager.find_user(username=SERVICE_ACCOUNT)
    if user is None:
        security_manager.add_user(
            username=SERVICE_ACCOUNT,
            first_name=SERVICE_ACCOUNT,
            last_name="",
            email=f"{SERVICE_ACCOUNT}@localhost",
            role=security_manager.find_role("Admin"),
            password=password,
        )
    else:
        security_manager.reset_password(user.id, password)


def _note_fingerprint(fingerprint: str) -> None:
    """Write what this bootstrap was made of, so that the next start can skip it."""
    db.session.execute(
        "create table if not exists reestr_bootstrap (fingerprint text not null)"
    )
    db.session.execute("delete from reestr_bootstrap")
    db.session.execute(
        "insert into reestr_bootstrap values (:fingerprint)",
        {"fingerprint": fingerprint},
    )


def main() -> int:
    """Bring the metadata to the newest revision; give the exit code."""
    app = create_app()
    with app.app_context():
        upgrade()
        appbuilder.add_permissions(update_perms=True)
        security_manager.sync_role_definitions()
        _make_service_account(os.environ["REESTR_SUPERSET_SERVICE_PASSWORD"])
        _note_fingerprint(os.environ["REESTR_SUPERSET_FINGERPRINT"])
        db.session.commit()
    return 0


if __name__ == "__main__":
    sys.exit(main())
