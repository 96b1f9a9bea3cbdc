"""Publishing: idempotent, keeps ids, undoes what was changed by hand."""

from __future__ import annotations

from typing import Any

from bi.superset.client import SupersetClient
from tests.superset_site import ROLES, Site

KINDS = ("database", "dataset", "chart", "dashboard")


def ids(client: SupersetClient) -> dict[str, int]:
    """Uuid of every object to its id."""
    return {
        str(row["uuid"]): int(str(row["id"]))
        for kind in KINDS
        for row in client.rows(f"/api/v1/{kind}/")
    }


def one(client: SupersetClient, path: str, field: str, value: str) -> dict[str, Any]:
    """The one row of a list whose field has a value."""
    (found,) = [row for row in client.rows(path) if row[field] == value]
    return found


def test_a_second_publication_writes_nothing(site: Site) -> None:
    assert site.first.writes > 0
    assert site.publish().writes == 0


def test_every_page_is_published(site: Site) -> None:
    assert set(site.first.dashboards) == {
        "dictionary",
        "funnel",
        "history",
        "now",
        "records",
        "registry",
        "registry_split",
        "registry_without_money",
    }


def test_every_dataset_is_a_table_under_a_base_rule(site: Site) -> None:
    client = site.service()
    datasets = client.rows("/api/v1/dataset/")
    rules = client.rows("/api/v1/rowlevelsecurity/")
    covered = {
        table["id"]  # type: ignore[index]
        for rule in rules
        for table in rule["tables"]  # type: ignore[union-attr]
    }
    assert datasets
    assert {row["kind"] for row in datasets} == {"physical"}
    assert {row["id"] for row in datasets} == covered
    assert {rule["filter_type"] for rule in rules} == {"Base"}
    assert all(not rule["roles"] for rule in rules), "nobody is exempt"


def test_everything_is_managed_outside_and_links_to_its_file(site: Site) -> None:
    client = site.service()
    for kind in ("chart", "dashboard"):
        for row in client.rows(f"/api/v1/{kind}/"):
            assert row["is_managed_externally"], row


def test_a_chart_changed_by_hand_is_put_back_under_its_id(site: Site) -> None:
    client = site.service()
    before = ids(client)
    chart = one(client, "/api/v1/chart/", "slice_name", "Отклонения по группам")
    # The service account's own change would pass for ours; a person's does not.
    person = _administrator(site, client)
    person.put(f"/api/v1/chart/{chart['id']}", {"slice_name": "Испорчено"})
    assert site.publish().writes > 0
    again = one(client, "/api/v1/chart/", "slice_name", "Отклонения по группам")
    assert again["id"] == chart["id"]
    assert ids(client) == before
    assert site.publish().writes == 0


def test_a_row_rule_changed_by_hand_is_put_back(site: Site) -> None:
    client = site.service()
    (rule,) = client.rows("/api/v1/rowlevelsecurity/")
    admin = one(client, "/api/v1/security/roles/", "name", "admin")
    client.put(
        f"/api/v1/rowlevelsecurity/{rule['id']}",
        {"clause": "1 = 1", "roles": [admin["id"]], "filter_type": "Regular"},
    )
    client.post(
        "/api/v1/rowlevelsecurity/",
        {
            "name": "open_door",
            "filter_type": "Regular",
            "tables": [rule["tables"][0]["id"]],  # type: ignore[index,call-overload]
            "roles": [admin["id"]],
            "clause": "1 = 1",
        },
    )
    assert site.publish().writes == 2
    (again,) = client.rows("/api/v1/rowlevelsecurity/")
    assert again["clause"] == rule["clause"]
    assert again["filter_type"] == "Base"
    assert again["roles"] == []


def test_permissions_and_pages_given_by_hand_are_taken_back(site: Site) -> None:
    client = site.service()
    agent = one(client, "/api/v1/security/roles/", "name", "agent")
    now = one(client, "/api/v1/dashboard/", "slug", "now")
    path = f"/api/v1/security/roles/{agent['id']}/permissions"
    before = client.get(f"{path}/")["result"]
    client.post(path, {"permission_view_menu_ids": [1, 2, 3]})
    client.put(f"/api/v1/dashboard/{now['id']}", {"roles": [agent["id"]]})
    assert site.publish().writes == 2
    assert client.get(f"{path}/")["result"] == before
    again = one(client, "/api/v1/dashboard/", "slug", "now")
    assert {role["name"] for role in again["roles"]} == {"admin", "head_of_sales"}


def test_an_account_nobody_named_is_switched_off(site: Site) -> None:
    client = site.service()
    role = one(client, "/api/v1/security/roles/", "name", "agent")
    body = {
        "username": "stranger",
        "first_name": "Чужой",
        "last_name": "Человек",
        "email": "stranger@reestr.local",
        "active": True,
        "roles": [role["id"]],
        "password": "long-enough-password",
    }
    client.post("/api/v1/security/users/", body)
    assert site.publish().writes == 1
    user = one(client, "/api/v1/security/users/", "username", "stranger")
    assert user["active"] is False
    assert site.publish().writes == 0


def test_every_login_has_exactly_its_business_role(site: Site) -> None:
    users = {
        str(row["username"]): row
        for row in site.service().rows("/api/v1/security/users/")
    }
    for name in ROLES:
        roles = users[name]["roles"]
        assert [role["name"] for role in roles] == [name]  # type: ignore[union-attr,index,call-overload]


def test_an_object_whose_file_is_gone_is_removed(site: Site) -> None:
    client = site.service()
    chart = one(client, "/api/v1/chart/", "slice_name", "Сделки по месяцам")
    made = client.post(
        "/api/v1/chart/",
        {
            "slice_name": "Лишняя",
            "viz_type": "table",
            "datasource_id": chart["datasource_id"],
            "datasource_type": "table",
            "certification_details": chart["certification_details"],
        },
    )
    assert site.publish().writes == 1
    assert made["id"] not in {row["id"] for row in client.rows("/api/v1/chart/")}


def _administrator(site: Site, client: SupersetClient) -> SupersetClient:
    """A person who may change anything in Superset."""
    role = one(client, "/api/v1/security/roles/", "name", "Admin")
    client.post(
        "/api/v1/security/users/",
        {
            "username": "operator",
            "first_name": "Оператор",
            "last_name": "Системы",
            "email": "operator@reestr.local",
            "active": True,
            "roles": [role["id"]],
            "password": "long-enough-password",
        },
    )
    return SupersetClient.sign_in(site.url, "operator", "long-enough-password")
