"""The login page speaks Russian and tires of wrong passwords."""

from __future__ import annotations

import requests

from tests.superset_site import Site, csrf_token


def test_the_language_pack_is_there_before_anyone_signs_in(site: Site) -> None:
    answer = requests.get(f"{site.url}/superset/language_pack/ru/", timeout=60)
    texts = answer.json()["locale_data"]["superset"]
    assert texts["Password"] == ["Пароль"]
    assert texts["More filters"] == ["Ещё фильтры"]


def test_the_login_page_asks_for_russian(site: Site) -> None:
    answer = requests.get(f"{site.url}/login/", timeout=60)
    assert answer.ok
    assert "&#34;locale&#34;: &#34;ru&#34;" in answer.text
    assert "Реестр" in answer.text


def test_the_page_talks_to_its_own_server_only(site: Site) -> None:
    policy = requests.get(f"{site.url}/login/", timeout=60).headers[
        "Content-Security-Policy"
    ]
    assert "http" not in policy
    assert "unsafe-eval" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self'" in policy


def test_the_sixth_wrong_password_is_refused(site: Site) -> None:
    body = {"username": "nobody", "password": "wrong", "provider": "db"}
    answers = [
        requests.post(f"{site.url}/api/v1/security/login", json=body, timeout=60)
        for _ in range(7)
    ]
    codes = [answer.status_code for answer in answers]
    assert codes == [401] * 5 + [429] * 2
    assert answers[-1].headers["Retry-After"]


def test_the_form_counts_as_the_api_does(site: Site) -> None:
    session = requests.Session()
    token = csrf_token(session.get(f"{site.url}/login/", timeout=60).text)
    codes = [
        session.post(
            f"{site.url}/login/",
            data={"username": "no_one", "password": "wrong", "csrf_token": token},
            headers={"Referer": f"{site.url}/login/"},
            allow_redirects=False,
            timeout=60,
        ).status_code
        for _ in range(7)
    ]
    assert codes == [302] * 5 + [429] * 2


def test_right_passwords_are_not_counted(site: Site) -> None:
    for _ in range(7):
        assert site.reader("agent")
