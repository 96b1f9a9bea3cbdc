"""Superset's settings. Everything that differs between homes is in the environment.

``bi/superset/process.py`` names the variables and starts the server with them.
"""

import os
from pathlib import Path

import yaml
from flask import Flask

from bi.superset.server import connection, theme

_FOLDER = Path(__file__).parent
_TEXTS = yaml.safe_load((_FOLDER / "texts.yaml").read_text(encoding="utf-8"))
_HOME = Path(os.environ["REESTR_SUPERSET_HOME"])
_LOGO = "/reestr/assets/logo.svg"

# ---------- where things are
SQLALCHEMY_DATABASE_URI = os.environ["REESTR_SUPERSET_DATABASE_URL"]
SECRET_KEY = os.environ["REESTR_SUPERSET_SECRET_KEY"]
GUEST_TOKEN_JWT_SECRET = SECRET_KEY
GLOBAL_ASYNC_QUERIES_JWT_SECRET = SECRET_KEY
DATA_DIR = str(_HOME)
UPLOAD_FOLDER = str(_HOME / "uploads") + "/"

# ---------- language
BABEL_DEFAULT_LOCALE = "ru"
LANGUAGES = {"ru": {"flag": "ru", "name": _TEXTS["language"]}}
D3_FORMAT = {
    "decimal": ",",
    "thousands": "\u00a0",
    "grouping": [3],
    "currency": ["", _TEXTS["currency_suffix"]],
    "minus": "\u2212",
    "percent": "\u00a0%",
}
D3_TIME_FORMAT = _TEXTS["time"]

# ---------- look
APP_NAME = _TEXTS["app_name"]
APP_ICON = _LOGO
LOGO_RIGHT_TEXT = APP_NAME
FAVICONS = [{"href": _LOGO, "type": "image/svg+xml"}]
THEME_DEFAULT = theme.light(APP_NAME, _LOGO)
THEME_DARK = theme.dark(APP_NAME, _LOGO)
ENABLE_UI_THEME_ADMINISTRATION = False
EXTRA_CATEGORICAL_COLOR_SCHEMES = [
    {
        "id": "reestr",
        "description": "",
        "label": _TEXTS["scheme"],
        "isDefault": True,
        "colors": theme.CATEGORICAL,
    }
]
EXTRA_SEQUENTIAL_COLOR_SCHEMES = [
    {
        "id": "reestr_blue",
        "description": "",
        "label": _TEXTS["scheme_sequential"],
        "isDiverging": False,
        "isDefault": True,
        "colors": theme.SEQUENTIAL,
    }
]

# ---------- what is on and off
FEATURE_FLAGS = {
    "ALERT_REPORTS": False,
    # Without it one reader is answered from another reader's cached rows.
    "CACHE_QUERY_BY_USER": True,
    "CSS_TEMPLATES": False,
    "DASHBOARD_RBAC": True,
    # Tiles below the fold are drawn at once: a printed page is complete.
    "DASHBOARD_VIRTUALIZATION": False,
    # Both open every column of the dataset; numbers open the registry instead.
    "DRILL_BY": False,
    "DRILL_TO_DETAIL": False,
    "EMBEDDABLE_CHARTS": False,
    # Row rules name the reader by a template.
    "ENABLE_TEMPLATE_PROCESSING": True,
}
PUBLIC_ROLE_LIKE = None
AUTH_USER_REGISTRATION = False
FAB_API_SWAGGER_UI = False
SHOW_STACKTRACE = False
SUPERSET_LOG_VIEW = False
ENABLE_CORS = False
CONTENT_SECURITY_POLICY_WARNING = False
RATELIMIT_ENABLED = False

# ---------- who reads
DB_CONNECTION_MUTATOR = connection.tell_reader
PREVENT_UNSAFE_DB_CONNECTIONS = True


def FLASK_APP_MUTATOR(app: Flask) -> None:  # noqa: N802 -- Superset's name
    """Add the product's parts; Superset's models exist only once its app does."""
    from bi.superset.server import app as server_app  # noqa: PLC0415

    server_app.extend(app)


# ---------- limits
ROW_LIMIT = 10_000
SUPERSET_WEBSERVER_TIMEOUT = 60
NATIVE_FILTER_DEFAULT_ROW_LIMIT = 1_000
WTF_CSRF_ENABLED = True

# ---------- cache: files, so that no other server is needed
_CACHE = {
    "CACHE_TYPE": "FileSystemCache",
    "CACHE_THRESHOLD": 5_000,
    # A person's scope may change: the rule's text stays, so cached rows must not.
    "CACHE_DEFAULT_TIMEOUT": 300,
}
CACHE_CONFIG = {**_CACHE, "CACHE_DIR": str(_HOME / "cache" / "objects")}
DATA_CACHE_CONFIG = {**_CACHE, "CACHE_DIR": str(_HOME / "cache" / "data")}

# ---------- the browser talks to this server only
TALISMAN_ENABLED = True
TALISMAN_CONFIG = {
    "content_security_policy": {
        "base-uri": ["'self'"],
        "default-src": ["'self'"],
        "img-src": ["'self'", "blob:", "data:"],
        "worker-src": ["'self'", "blob:"],
        "connect-src": ["'self'"],
        "object-src": "'none'",
        "style-src": ["'self'", "'unsafe-inline'"],
        "font-src": ["'self'", "data:"],
        "script-src": ["'self'", "'strict-dynamic'"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
    },
    "content_security_policy_nonce_in": ["script-src"],
    "force_https": os.environ.get("REESTR_SUPERSET_HTTPS") == "1",
    "session_cookie_secure": os.environ.get("REESTR_SUPERSET_HTTPS") == "1",
}
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = os.environ.get("REESTR_SUPERSET_HTTPS") == "1"
# TLS ends at a proxy in front; it tells the reader's address and protocol.
ENABLE_PROXY_FIX = os.environ.get("REESTR_SUPERSET_HTTPS") == "1"
