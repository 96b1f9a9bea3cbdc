"""The simulated agency: repeatable, complete and roughly like a real one."""

from datetime import date, datetime
from functools import cache

import numpy as np
import pandas as pd
import pytest

from ingestion.demo.agency.life import simulate
from ingestion.demo.agency.model import Agency, Stage, end_of_day
from ingestion.demo.agency.rows import DATE_FIELDS, portal_rows
from ingestion.demo.agency.state import State, state_at
from ingestion.demo.portal.labels import agency_user_fields
from ingestion.demo.portal.schema import AGENCY_DEAL_FIELDS, ENTITIES

TODAY = date(2025, 9, 17)
NOW = end_of_day(TODAY)
DEALS = 2_000
GAP = np.timedelta64(0, "s")


@cache
def agency() -> Agency:
    return simulate(seed=7, deals=DEALS, first_today=TODAY)


@cache
def state() -> State:
    return state_at(agency(), NOW)


@cache
def rows() -> dict[str, pd.DataFrame]:
    return portal_rows(agency(), NOW)


def share_of(*stages: Stage) -> float:
    return float(np.isin(state().stage, stages).mean())


def test_same_seed_gives_the_same_rows() -> None:
    again = portal_rows(simulate(seed=7, deals=DEALS, first_today=TODAY), NOW)
    for entity, frame in rows().items():
        pd.testing.assert_frame_equal(frame, again[entity])


def test_another_seed_gives_another_life() -> None:
    other = portal_rows(simulate(seed=8, deals=DEALS, first_today=TODAY), NOW)
    assert not rows()["deal"].equals(other["deal"])


@pytest.mark.parametrize("deals", [1, 300, DEALS])
def test_asked_number_of_deals_exists_at_the_end_of_the_first_day(deals: int) -> None:
    found = portal_rows(simulate(seed=1, deals=deals, first_today=TODAY), NOW)["deal"]
    assert len(found) == deals


def test_no_deal_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        simulate(seed=1, deals=0, first_today=TODAY)


def test_a_leap_day_can_be_the_first_day() -> None:
    leap = date(2028, 2, 29)
    found = simulate(seed=1, deals=50, first_today=leap)
    assert len(portal_rows(found, end_of_day(leap))["deal"]) == 50


def test_a_moment_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        state_at(agency(), datetime(2025, 9, 17, 12, 0))


def test_a_moment_beyond_the_life_is_refused() -> None:
    with pytest.raises(ValueError, match="simulated life ends"):
        state_at(agency(), end_of_day(date(2027, 1, 1)))


def test_outcomes_are_those_of_an_agency() -> None:
    assert 0.25 < share_of(Stage.WON) < 0.33
    assert 0.40 < share_of(Stage.LOSE, Stage.APOLOGY) < 0.49
    assert share_of(Stage.PAUSED) > 0.005


def test_every_month_has_closed_deals() -> None:
    won_at = state().won_at
    months = won_at[~np.isnat(won_at)].astype("datetime64[M]")
    _, count = np.unique(months, return_counts=True)
    assert len(count) >= 36
    assert count[-12:-1].min() >= 8


def test_commission_is_a_plausible_part_of_the_price() -> None:
    fields = state().fields
    has_both = (fields["commission"] > 0) & (fields["price"] > 0)
    part = fields["commission"][has_both] / fields["price"][has_both]
    assert 0.02 <= np.median(part) <= 0.04
    assert (part > 0.1).mean() < 0.02


def test_about_sixty_people_work_and_some_have_left() -> None:
    users = rows()["user"]
    assert 55 <= (users["ACTIVE"] == "1").sum() <= 66
    assert (users["ACTIVE"] == "0").sum() >= 8
    assert agency().memberships["employee_id"].duplicated().any()
    assert set(agency().absences["kind"]) == {
        "vacation",
        "sick_leave",
        "business_trip",
    }


@pytest.mark.parametrize(
    ("person", "department"), [(1, 5), (2, 2), (3, 3), (4, 4), (5, 11), (6, 11)]
)
def test_fixed_people_stay_at_their_place(person: int, department: int) -> None:
    for moment in (NOW, end_of_day(agency().last_day)):
        users = portal_rows(agency(), moment)["user"].set_index("ID")
        assert users.loc[str(person), "ACTIVE"] == "1"
        assert users.loc[str(person), "UF_DEPARTMENT"] == f"[{department}]"


def test_heads_of_departments_and_groups_are_those_of_the_tree() -> None:
    departments = rows()["department"].set_index("ID")
    assert departments["UF_HEAD"].head(6).tolist() == ["1", "2", "3", "4", "1", "5"]
    assert departments.loc["11", "PARENT"] == "2"
    assert departments.loc["1", "PARENT"] is None


@pytest.mark.parametrize("size", [300, DEALS])
def test_fixed_people_take_part_in_deals(size: int) -> None:
    fields = state_at(simulate(seed=7, deals=size, first_today=TODAY), NOW).fields
    owners = fields["deal_owner"]
    for person in (1, 2, 5, 6):
        assert np.isin(person, [owners % 10_000, owners // 10_000]).any()
    assert (fields["lawyer"] == 3).any()
    assert (fields["mortgage_broker"] == 4).any()


def test_the_agent_has_many_deals_and_shares_some() -> None:
    owners = state().fields["deal_owner"]
    own = (owners % 10_000 == 6) | (owners // 10_000 == 6)
    assert own.sum() >= 40
    assert (own & (owners > 10_000)).sum() >= 5


def test_owners_are_two_different_people() -> None:
    owners = state().fields["deal_owner"]
    shared = owners[owners > 10_000]
    assert shared.size
    assert (shared % 10_000 != shared // 10_000).all()


def test_moves_of_a_deal_follow_each_other() -> None:
    moves = agency().stage_moves
    assert (np.diff(moves["at"].to_numpy()) >= GAP).all()
    ordered = moves.sort_values(["deal", "at"], kind="stable")
    is_same = np.diff(ordered["deal"].to_numpy()) == 0
    assert (np.diff(ordered["at"].to_numpy())[is_same] > GAP).all()
    first = ordered.drop_duplicates("deal")
    assert (first["stage"] == Stage.NEW).all()
    created = agency().deals["created_at"].to_numpy()
    assert (first["at"].to_numpy() == created).all()


def test_nothing_happens_to_a_deal_before_it_is_created() -> None:
    created = agency().deals["created_at"].to_numpy()
    tables = [*agency().edits.values(), agency().stage_moves]
    for table in tables:
        assert (table["at"].to_numpy() >= created[table["deal"].to_numpy()]).all()
    activities = agency().activities
    born = created[activities["deal"].to_numpy()]
    assert (activities["created_at"].to_numpy() >= born).all()


def test_planned_settlements_move() -> None:
    plans = agency().edits["settlement_plan_date"]
    changes = plans.groupby("deal").size()
    assert (changes > 1).mean() > 0.2
    ordered = plans.sort_values(["deal", "at"], kind="stable")
    is_same = np.diff(ordered["deal"].to_numpy()) == 0
    assert (np.diff(ordered["value"].to_numpy())[is_same] != 0).all()


def test_a_few_deals_stand_in_a_stage_that_nobody_mapped() -> None:
    assert (state().stage == Stage.LEGACY).sum() == 3
    assert (rows()["stagehistory"]["STAGE_ID"] == "LEGACY").sum() == 7


def test_refusals_are_reopened() -> None:
    lost = agency().stage_moves.query("stage in (9, 10)").groupby("deal").size()
    assert (lost > 1).any()
    won = set(agency().stage_moves.query("stage == 8")["deal"])
    assert won & set(lost.index)


def test_some_open_deals_belong_to_people_who_left() -> None:
    left = rows()["user"].query("ACTIVE == '0'")["ID"].astype(int)
    owners = state().fields["deal_owner"] % 10_000
    is_open = state().stage < Stage.WON
    assert (is_open & np.isin(owners, left)).sum() >= 3


def test_deals_of_people_who_left_do_not_live_on() -> None:
    employees = agency().employees
    left = employees[employees["dismissed_at"] <= state().moment]
    owners = state().fields["deal_owner"] % 10_000
    for person in left.itertuples():
        is_theirs = (state().stage < Stage.WON) & (owners == person.employee_id)
        assert (state().moved_at[is_theirs] <= person.dismissed_at).all()


def test_rows_are_texts_as_the_old_methods_give_them() -> None:
    for frame in rows().values():
        for name in frame.columns:
            kinds = {type(value) for value in frame[name]}
            assert kinds <= {str, type(None)}, name
    deals = rows()["deal"]
    moments = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+03:00"
    assert deals["DATE_MODIFY"].str.fullmatch(moments).all()
    for name in DATE_FIELDS & set(deals.columns):
        filled = deals[name].dropna()
        assert filled.str.endswith("T03:00:00+03:00").all()
    money = deals["UF_CRM_COMMISSION"].dropna()
    assert money.str.fullmatch(r"\d+\.\d\d\|RUB").all()
    assert set(deals["UF_CRM_IS_TEST"]) == {"0", "1"}
    assert deals["UF_CRM_DEAL_OWNER"].dropna().str.fullmatch(r"\[\d+(,\d+)?\]").all()


def test_columns_are_fields_of_the_portal() -> None:
    assert set(AGENCY_DEAL_FIELDS) <= set(rows()["deal"].columns)
    for entity, frame in rows().items():
        if entity == "userfield":
            continue
        assert frame["ID"].is_unique
        known = {field.name for field in ENTITIES[entity].fields}
        own = {field.name for field in agency_user_fields() if field.entity == entity}
        assert set(frame.columns) - known <= own


def test_links_lead_to_rows() -> None:
    deals, users = rows()["deal"], set(rows()["user"]["ID"])
    assert set(deals["CONTACT_ID"]) <= set(rows()["contact"]["ID"])
    assert set(deals["LEAD_ID"].dropna()) <= set(rows()["lead"]["ID"])
    assert set(rows()["activity"]["OWNER_ID"]) <= set(deals["ID"])
    for name in ("ASSIGNED_BY_ID", "UF_CRM_LAWYER", "UF_CRM_CONTRACT_OWNER"):
        assert set(deals[name].dropna()) <= users
    stages = set(rows()["status"]["STATUS_ID"])
    assert set(deals["STAGE_ID"]) <= stages
    assert set(rows()["stagehistory"]["STAGE_ID"]) <= stages
    assert set(deals["SOURCE_ID"].dropna()) <= stages
    assert set(deals["TYPE_ID"]) <= stages


def test_a_row_was_never_changed_before_it_was_created() -> None:
    for entity in ("deal", "lead", "contact"):
        frame = rows()[entity]
        assert (frame["DATE_MODIFY"] >= frame["DATE_CREATE"]).all()
        assert frame["DATE_MODIFY"].max() <= "2025-09-17T23:59:59+03:00"


def test_rent_has_no_dates_of_a_sale() -> None:
    rent = rows()["deal"].query("TYPE_ID == 'RENT'")
    for name in ("ADVANCE_DATE", "SETTLEMENT_PLAN_DATE", "SETTLEMENT_DATE"):
        assert rent[f"UF_CRM_{name}"].isna().all()
    assert set(rent["STAGE_ID"].str.removeprefix("C2:")) <= {
        *("NEW", "MEETING", "CONTRACT", "SHOWING", "WON", "LOSE", "APOLOGY"),
        "PAUSED",
    }


def test_there_is_no_partner_share_without_commission() -> None:
    fields = state().fields
    has_share = fields["partner_share"] > 0
    assert has_share.any()
    assert (fields["commission"][has_share] > fields["partner_share"][has_share]).all()
    assert (fields["partner_share"][has_share] % 100 == 0).all()
