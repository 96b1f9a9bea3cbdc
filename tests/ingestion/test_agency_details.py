"""The detailed records: they agree with the deals, but for what is planted."""

from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ingestion.demo.agency.commission import BACK_COMMISSION, PAID
from ingestion.demo.agency.detail_truth import (
    Picture,
    collapse,
    disagreements,
    double_bookings,
    payment_status,
    picture_of,
    waterfall,
)
from ingestion.demo.agency.ground_truth import write_ground_truth
from ingestion.demo.agency.life import simulate
from ingestion.demo.agency.model import (
    EMPTY,
    ActivityKind,
    Agency,
    Stage,
    Texts,
    end_of_day,
)
from ingestion.demo.agency.object_truth import activities_of, is_bought, showing_pairs
from ingestion.demo.agency.rows import portal_rows
from ingestion.demo.agency.state import state_at

TODAY = date(2025, 9, 17)
NOW = end_of_day(TODAY)
KINDS = [
    "company",
    "service_line",
    "invoice",
    "advance",
    "payment",
    "expense",
    "partner_share",
    "unit",
    "reservation",
    "document",
    "task",
    "absence",
    "request",
]
LINKS = {
    "productrow": ("OWNER_ID", "", "deal"),
    "spa_1058": ("UF_CRM_7_PARENT", "T422_", "spa_1058"),
    "spa_1042": ("UF_CRM_8_UNIT", "T40e_", "spa_1038"),
    "spa_1054": ("UF_CRM_11_PARTNER", "CO_", "company"),
    "spa_1062": ("UF_CRM_13_INVOICE", "SI_", "invoice"),
    "spa_1066": ("UF_CRM_14_EMPLOYEE", "", "user"),
    "deal": ("COMPANY_ID", "", "company"),
}


@cache
def agency() -> Agency:
    return simulate(seed=13, deals=3_000, first_today=TODAY)


@cache
def picture() -> Picture:
    return picture_of(agency(), state_at(agency(), NOW))


@cache
def rows() -> dict[str, pd.DataFrame]:
    return portal_rows(agency(), NOW)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ground_truth")
    write_ground_truth(agency(), NOW, folder)
    return folder


def read(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False)


def total(column: "pd.Series[str]") -> Decimal:
    return sum((Decimal(value) for value in column if value), Decimal(0))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_records_in_the_order_of_time(kind: str) -> None:
    records = agency().details[kind]
    created = records.fixed["created_at"].to_numpy()
    assert created.size
    assert (np.diff(created) >= np.timedelta64(0, "s")).all()
    for edits in records.edits.values():
        at, record = edits["at"].to_numpy(), edits["record"].to_numpy()
        assert (np.diff(at) >= np.timedelta64(0, "s")).all()
        assert (at >= created[record]).all()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "absence"])
def test_a_record_is_not_older_than_its_deal(kind: str) -> None:
    fixed = agency().details[kind].fixed
    if "deal" in fixed:
        born = agency().deals["created_at"].to_numpy()[fixed["deal"].to_numpy()]
        assert (fixed["created_at"].to_numpy() >= born).all()
        assert not agency().deals["is_test"].to_numpy()[fixed["deal"].to_numpy()].any()


@pytest.mark.parametrize("entity", LINKS)
def test_links_lead_to_rows(entity: str) -> None:
    field, prefix, target = LINKS[entity]
    links = rows()[entity][field].dropna()
    assert len(links)
    assert links.str.startswith(prefix).all()
    assert set(links.str.removeprefix(prefix)) <= set(rows()[target]["ID"])


def test_a_chain_begins_with_an_open_sale_of_the_same_client() -> None:
    deals = rows()["deal"].set_index("ID")
    bought = deals.dropna(subset=["UF_CRM_PARENT_DEAL"])
    assert len(bought)
    sold = deals.loc[bought["UF_CRM_PARENT_DEAL"]]
    assert set(bought["TYPE_ID"]) == {"PURCHASE"}
    assert set(sold["TYPE_ID"]) == {"SALE"}
    assert bought["CONTACT_ID"].tolist() == sold["CONTACT_ID"].tolist()
    assert (sold["DATE_CREATE"].to_numpy() < bought["DATE_CREATE"].to_numpy()).all()


def test_some_requests_come_from_addresses_seen_before() -> None:
    """Written with a capital: the same address for whoever compares."""
    address = rows()["lead"]["EMAIL"].dropna().str.extract(r'"VALUE":"([^"]+)"')[0]
    seen = address[address.str[0].str.isupper()]
    assert 0.02 < len(seen) / len(rows()["lead"]) < 0.08
    clients = rows()["contact"]["EMAIL"].dropna().str.extract(r'"VALUE":"([^"]+)"')[0]
    known = set(address[~address.index.isin(seen.index)]) | set(clients)
    assert seen.str.lower().isin(known).mean() > 0.9


def test_records_of_the_portal_belong_to_deals() -> None:
    deals = set(rows()["deal"]["ID"])
    for entity, frame in rows().items():
        if "PARENT_ID_2" in frame:
            assert set(frame["PARENT_ID_2"]) <= deals, entity
    stages = set(rows()["status"]["STATUS_ID"])
    assert set(rows()["invoice"]["STAGE_ID"]) <= stages
    assert set(rows()["lead"]["STATUS_ID"]) <= stages
    assert set(rows()["company"]["COMPANY_TYPE"]) <= stages


def test_there_is_one_own_company_and_every_partner() -> None:
    companies = rows()["company"]
    assert companies.query("IS_MY_COMPANY == 'Y'")["ID"].tolist() == ["1"]
    partners = companies.query("COMPANY_TYPE == 'PARTNER'")["TITLE"]
    named = rows()["deal"]["UF_CRM_PARTNER_AGENCY"].dropna()
    assert set(named) <= set(partners)


def test_service_lines_sum_to_the_commission() -> None:
    lines = rows()["productrow"]
    sums = lines["PRICE"].map(Decimal).groupby(lines["OWNER_ID"]).sum()
    deals = rows()["deal"].set_index("ID")["UF_CRM_COMMISSION"].dropna()
    field = deals.str.removesuffix("|RUB").map(Decimal)
    both = pd.concat({"lines": sums, "field": field}, axis=1).dropna()
    assert 0.97 < (both["lines"] == both["field"]).mean() < 1
    assert (lines["PRICE"].map(Decimal) > 0).all()
    assert (lines["DISCOUNT_SUM"].map(Decimal) > 0).any()


@pytest.mark.parametrize(
    "field",
    [
        "commission",
        "advance_amount",
        "expenses",
        "partner_share",
        "paid",
        "contract_date",
    ],
)
def test_a_few_deals_disagree_with_their_records(field: str) -> None:
    found = disagreements(picture())
    filled = (picture().state.fields[field] != EMPTY).sum()
    assert 2 <= (found["field"] == field).sum() <= 0.08 * filled


def test_without_service_lines_the_field_is_the_commission() -> None:
    money = waterfall(picture())
    fields = picture().state.fields
    has_lines = picture().has("service_line")
    alone = ~has_lines & (fields["commission"] != EMPTY) & ~picture().state.is_test
    assert alone.sum() >= 2
    assert (money["commission_gross"][alone] == fields["commission"][alone]).all()
    assert (money["discounts"][alone] == 0).all()


def test_refunds_of_a_commission_are_told_from_those_of_too_much_money() -> None:
    """Arithmetic says what the purpose says, so nobody has to read the purpose."""
    payments = picture().known["payment"]
    is_back = payments.number("purpose") == BACK_COMMISSION
    said = picture().sums("payment", payments.number("amount"), is_back)
    counted = waterfall(picture())["commission_refunds"]
    assert (said > 0).any()
    differs = np.flatnonzero(said != counted) + 1
    assert set(differs) <= set(disagreements(picture())["deal_id"])


def test_every_advance_has_one_end_and_moved_ones_have_a_parent() -> None:
    known = picture().known["advance"]
    outcome = known.fields["outcome"]
    assert set(outcome) == {EMPTY, 0, 1, 2, 3, 4}
    child = np.flatnonzero(known.number("parent") != EMPTY)
    parent = known.number("parent")[child]
    assert child.size
    assert (outcome[parent] == 4).all()
    assert (known.number("amount")[child] == known.number("amount")[parent]).all()
    assert (known.number("deal")[child] != known.number("deal")[parent]).all()
    assert (known.number("offsets") == 1).any()


def test_double_bookings_are_the_planted_ones() -> None:
    found = double_bookings(picture())
    planted = picture().known["reservation"].number("is_planted")
    assert len(found) == planted.sum() >= 3
    assert (found["overlap_minutes"] > 0).all()
    bookings = rows()["spa_1042"]
    again = bookings["UF_CRM_8_UNIT"].duplicated(keep=False).sum()
    assert again > 2 * len(found)


def test_a_reservation_that_starts_at_the_end_of_another_is_not_double() -> None:
    bookings = picture().known["reservation"]
    table = pd.DataFrame(
        {
            "unit": bookings.number("unit"),
            "start": bookings.number("start"),
            "end": bookings.fields["released"],
        }
    )
    pairs = table.merge(table, on="unit", suffixes=("", "_second"))
    assert (pairs["start_second"] == pairs["end"]).any()


def test_showings_show_flats_that_are_there() -> None:
    """A seller's own flat, for a buyer one on the market; to let there are none."""
    activities = rows()["activity"]
    shown = activities[activities["PROVIDER_TYPE_ID"] == "SHOWING"]
    deals = rows()["deal"].set_index("ID")["TYPE_ID"]
    named = (shown["ASSOCIATED_ENTITY_ID"] != "0").groupby(
        deals[shown["OWNER_ID"]].to_numpy()
    )
    shares = named.mean()
    assert shares["RENT"] == 0
    assert all(shares[one] > 0.8 for one in ("SALE", "PURCHASE", "NEW_BUILD"))
    units = rows()["spa_1038"].set_index("ID")["CREATED_TIME"]
    seen = activities[activities["ASSOCIATED_ENTITY_ID"] != "0"]
    born = units[seen["ASSOCIATED_ENTITY_ID"]].to_numpy()
    assert (born <= seen["CREATED"].to_numpy()).all()


def test_a_showing_comes_before_the_reservation_as_a_rule() -> None:
    pairs = showing_pairs(picture())
    assert 0.05 < pairs["is_reserved"].mean() < 0.5
    assert 0.3 < is_bought(picture()).mean() < 0.8


def test_some_showings_are_closed_as_meetings() -> None:
    held = activities_of(picture(), ActivityKind.MEETING).query("is_held")
    assert 0.01 < (held["unit"] != EMPTY).mean() < 0.1


def test_planned_dates_that_go_back_and_forth_are_no_change() -> None:
    """Cases 5 and 6: back within minutes is nothing, 25.04 to 06.05 is one change."""
    steps = [
        (1, 0, "2025-04-10", 5),
        (1, 60, "2025-04-15", 5),
        (1, 64, "2025-04-10", 5),
        (2, 0, "2025-04-25", 5),
        (2, 600, "2025-05-06", 5),
        (3, 0, "2025-04-10", 5),
        (3, 30, "2025-04-15", 5),
        (3, 35, "2025-04-10", 6),
    ]
    edits = pd.DataFrame(steps, columns=["deal", "minutes", "day", "author"])
    start = np.datetime64("2025-04-01T10:00:00", "s")
    edits["at"] = start + edits["minutes"].to_numpy().astype("timedelta64[m]")
    days = edits["day"].to_numpy().astype("datetime64[D]")
    found = collapse(edits.assign(value=days.astype(np.int64)))
    assert found["deal"].tolist() == [2, 3, 3]
    assert (found["new"] - found["old"]).tolist() == [11, 5, -5]


def test_states_of_a_debt_are_those_of_the_dictionary() -> None:
    """Case 10: 120 000 due; 50 000, then 80 000 paid, 10 000 given back."""
    due = np.full(5, 120_000_00)
    paid = np.array([0, 50_000_00, 130_000_00, 120_000_00, 0])
    status: Texts = payment_status(due, paid, np.array([0, 1, 1, 1, 1], dtype=bool))
    expected = ["not_paid", "partially_paid", "overpaid", "paid", "refunded"]
    assert status.tolist() == expected


def test_money_of_the_files_adds_up(written: Path) -> None:
    money = read(written, "deal_money")
    steps = {name: total(money[name]) for name in money.columns[4:]}
    assert steps["revenue_net"] == (
        steps["commission_gross"]
        - steps["discounts"]
        - steps["partner_share"]
        - steps["commission_refunds"]
    )
    assert steps["contribution"] == steps["revenue_net"] - steps["direct_expenses"]
    assert all(value > 0 for value in steps.values())


def test_advances_by_month_add_up_to_the_list(written: Path) -> None:
    listed, months = read(written, "advances"), read(written, "advances_month")
    first = listed[listed["parent_id"] == ""]
    assert sum(map(int, months["advances_count"])) == len(first)
    assert total(months["advances_amount"]) == total(first["amount"])
    refunded = listed[listed["outcome"] == "refunded"]
    assert total(months["advances_refunded_amount"]) == total(refunded["amount"])
    totals = read(written, "detail_totals").set_index("name")["value"]
    assert total(listed["held_by_agency"]) == Decimal(totals["advances_held"])


def test_payments_of_the_portal_are_those_of_the_deals(written: Path) -> None:
    payments = rows()["spa_1062"]
    amount = payments["OPPORTUNITY"].map(Decimal)
    is_income = payments["UF_CRM_13_DIRECTION"] == "191"
    shown = read(written, "deal_payments")
    assert amount[is_income].sum() == total(shown["received"])
    assert amount[~is_income].sum() == total(shown["refunded"])
    cash = read(written, "cash_month")
    assert total(cash["revenue_cash"]) == total(cash["received"]) - total(
        cash["refunded"]
    )
    assert total(cash["received"]) == total(shown["received"])
    assert {"not_paid", "partially_paid", "paid", "overpaid"} <= set(
        shown["payment_status"]
    )


def test_visits_follow_each_other_until_the_moment(written: Path) -> None:
    visits = read(written, "stage_visits")
    same = visits["deal_id"].shift(-1) == visits["deal_id"]
    assert (visits["left_at"][same] == visits["entered_at"].shift(-1)[same]).all()
    assert (visits["left_at"][~same] == "").all()
    assert (visits["seconds"].astype(int) >= 0).all()


def test_a_won_deal_has_a_signed_contract_and_paid_invoice_as_a_rule() -> None:
    won = (picture().state.stage == Stage.WON) & ~picture().state.is_test
    papers, bills = picture().known["document"], picture().known["invoice"]
    signed = picture().has("document", papers.fields["signed"] != EMPTY)
    paid = picture().has("invoice", bills.fields["state"] == PAID)
    assert signed[won].mean() > 0.95
    assert 0.80 < paid[won].mean() < 1


def test_requests_are_paused_with_a_reason_and_come_back() -> None:
    leads = rows()["lead"]
    paused = leads[leads["STATUS_ID"] == "PAUSED"]
    assert len(paused)
    assert paused["UF_CRM_PAUSE_REASON"].notna().all()
    assert paused["UF_CRM_PAUSED_UNTIL"].isna().any()
    others = leads[leads["STATUS_ID"] != "PAUSED"]
    assert others["UF_CRM_PAUSE_REASON"].isna().all()
    history = rows()["lead_stagehistory"].groupby("OWNER_ID")["STATUS_ID"].agg(list)
    assert history.map(lambda states: states[-2:] == ["PAUSED", "IN_PROCESS"]).any()


def test_open_pauses_are_those_of_the_portal(written: Path) -> None:
    pauses = read(written, "lead_pauses")
    paused = rows()["lead"].query("STATUS_ID == 'PAUSED'")["ID"]
    assert set(pauses.loc[pauses["resumed_at"] == "", "lead_id"]) == set(paused)
    assert (pauses["resumed_at"] != "").any()
    assert (pauses["seconds"].astype(int) > 0).all()


def test_details_of_a_tiny_agency_can_be_written(tmp_path: Path) -> None:
    for deals in (1, 40):
        tiny = simulate(seed=2, deals=deals, first_today=TODAY)
        write_ground_truth(tiny, NOW, tmp_path)
        assert portal_rows(tiny, end_of_day(TODAY + timedelta(days=1)))
