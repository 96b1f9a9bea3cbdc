"""What is added to Superset's own application: language, files, guards, first page."""

import json
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from flask import (
    Blueprint,
    Flask,
    Response,
    g,
    make_response,
    redirect,
    request,
    send_from_directory,
)
from flask_appbuilder.security.sqla.models import Role
from jinja2 import ChoiceLoader, FileSystemLoader
from markupsafe import escape
from superset import db
from superset.models.dashboard import Dashboard
from superset.translations.utils import get_language_pack
from werkzeug.wrappers import Response as AnyResponse

from bi.superset.server.request_guard import names_only
from bi.superset.server.throttle import LoginThrottle

_FOLDER = Path(__file__).parent
_TEXTS = yaml.safe_load((_FOLDER / "texts.yaml").read_text(encoding="utf-8"))
_DATA_PATH = "/api/v1/chart/data"
_LOGIN_PATHS = {"/login", "/api/v1/security/login"}
_FIRST_PAGES = {"/", "/superset/welcome"}
_FORBIDDEN = 403
_TOO_MANY_REQUESTS = 429


def extend(app: Flask) -> None:
    """Add the product's parts to Superset (``FLASK_APP_MUTATOR``)."""
    app.jinja_loader = ChoiceLoader(
        [FileSystemLoader(_FOLDER / "templates"), app.jinja_loader]
    )
    app.register_blueprint(_assets())
    _serve_language_pack(app)
    _throttle_logins(app, LoginThrottle())
    _refuse_own_sql(app)
    _open_first_dashboard(app)


def _assets() -> Blueprint:
    blueprint = Blueprint("reestr", __name__, url_prefix="/reestr")

    @blueprint.route("/assets/<path:name>")
    def asset(name: str) -> AnyResponse:
        return send_from_directory(_FOLDER / "assets", name, max_age=3600)

    return blueprint


def _serve_language_pack(app: Flask) -> None:
    """Answer with the corrected Russian pack, also before anyone has signed in.

    Superset asks for a permission that the login page's reader does not have; the
    texts of the interface are no secret.
    """
    pack = get_language_pack("ru") or {}
    texts = pack["locale_data"]["superset"]
    for source, translated in _TEXTS["translations"].items():
        texts[source] = translated if isinstance(translated, list) else [translated]
    body = json.dumps(pack, ensure_ascii=False)

    @app.before_request
    def language_pack() -> AnyResponse | None:
        if request.path.rstrip("/") != "/superset/language_pack/ru":
            return None
        response = Response(body, mimetype="application/json")
        response.cache_control.max_age = 3600
        return response


def _throttle_logins(app: Flask, throttle: LoginThrottle) -> None:
    def username() -> str:
        values = request.get_json(silent=True) if request.is_json else request.form
        name = (values or {}).get("username", "")
        return str(name).strip().lower()

    def is_login() -> bool:
        return request.method == "POST" and request.path.rstrip("/") in _LOGIN_PATHS

    @app.before_request
    def refuse() -> AnyResponse | None:
        if not is_login():
            return None
        if not throttle.is_refused(request.remote_addr or "", username()):
            return None
        text = escape(_TEXTS["login_throttled"])
        if request.is_json:
            response = make_response({"message": str(text)}, _TOO_MANY_REQUESTS)
        else:
            link = f'<a href="/login/">{escape(_TEXTS["back_to_login"])}</a>'
            page = f'<!doctype html><html lang="ru"><meta charset="utf-8">{text} {link}'
            response = make_response(page, _TOO_MANY_REQUESTS)
        response.headers["Retry-After"] = "60"
        return response

    @app.after_request
    def count(response: Response) -> Response:
        if is_login() and _is_failed_login(response):
            throttle.note_failure(request.remote_addr or "", username())
        return response


def _is_failed_login(response: Response) -> bool:
    """Tell a wrong password: 401 from the API, back to the form from the page."""
    target = urlsplit(response.headers.get("Location", "")).path.rstrip("/")
    return response.status_code == 401 or (
        response.status_code == 302 and target == "/login"
    )


def _refuse_own_sql(app: Flask) -> None:
    """Refuse data requests that hold SQL; both forms in which the page sends them."""

    @app.before_request
    def refuse_sql() -> AnyResponse | None:
        if request.method != "POST" or request.path.rstrip("/") != _DATA_PATH:
            return None
        try:
            payload = (
                request.get_json()
                if request.is_json
                else json.loads(request.form.get("form_data", "{}"))
            )
        except ValueError:
            payload = {"sqlExpression": "not JSON"}
        if names_only(payload):
            return None
        return make_response({"message": _TEXTS["own_sql_refused"]}, _FORBIDDEN)


def _open_first_dashboard(app: Flask) -> None:
    """Open the first page of the reader's role instead of Superset's welcome page."""

    @app.before_request
    def first_dashboard() -> AnyResponse | None:
        if (request.path.rstrip("/") or "/") not in _FIRST_PAGES:
            return None
        user = getattr(g, "user", None)
        if user is None or not user.is_authenticated:
            return None
        role_ids = [role.id for role in user.roles]
        dashboards = (
            db.session.query(Dashboard)
            .filter(Dashboard.published, Dashboard.roles.any(Role.id.in_(role_ids)))
            .all()
        )
        if not dashboards:
            return redirect("/dashboard/list/")
        first = min(dashboards, key=_position)
        return redirect(f"/superset/dashboard/{first.slug or first.id}/")


def _position(dashboard: Dashboard) -> tuple[int, int]:
    """Give a dashboard's place in the menu, as the compiler wrote it."""
    metadata = json.loads(dashboard.json_metadata or "{}")
    return metadata.get("reestr", {}).get("position", 0), dashboard.id
