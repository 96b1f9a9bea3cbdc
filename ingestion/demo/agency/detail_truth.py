"""What the detailed records must show, computed from the simulator's own events.

Like ``ground_truth.py`` it knows nothing of staging, metrics or rules. Money is whole
kopecks until it is written. Deals made to try the CRM out have no detailed records.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ingestion.demo.agency import advances as advance_life
from ingestion.demo.agency import commission as payment_life
from ingestion.demo.agency import costs as cost_life
from ingestion.demo.agency import documents as document_life
from ingestion.demo.agency import objects as object_life
from ingestion.demo.agency import requests as request_life
from ingestion.demo.agency.columns import day_times, money_texts
from ingestion.demo.agency.model import (
    EMPTY,
    NEVER,
    Agency,
    Flags,
    Ints,
    Stage,
    Texts,
    Times,
)
from ingestion.demo.agency.records import Known, known_records
from ingestion.demo.agency.state import State, until

HOLDERS = np.array(["agency", "seller", "escrow"], dtype=object)
OUTCOMES = np.array(
    ["", "applied", "refunded", "forfeited_agency", "forfeited_client", "transferred"],
    dtype=object,
)
BOOKINGS = np.array(["verbal", "free", "paid"], dtype=object)
MAY_BE_NEGATIVE = frozenset({"revenue_net", "contribution", "amount_paid"})
# What is known of deals and activities and is no record of the portal.
BESIDE_RECORDS = frozenset({"deal_link", "viewing", "meeting_move"})
COLLAPSE = np.timedelta64(600, "s")


@dataclass(frozen=True)
class Picture:
    """Everything that is known at a moment.

    Attributes:
        agency: The simulated life.
        state: The deals at the moment.
        known: The detailed records at the moment, by kind.
    """

    agency: Agency
    state: State
    known: dict[str, Known]

    @property
    def size(self) -> int:
        """Number of deals."""
        return self.state.size

    def sums(self, kind: str, amount: Ints, which: Flags | None = None) -> Ints:
        """Add amounts of records up by deal."""
        records = self.known[kind]
        deal = records.number("deal")
        chosen = np.ones(records.size, dtype=bool) if which is None else which
        result = np.zeros(self.size, dtype=np.int64)
        np.add.at(result, deal[chosen], amount[chosen])
        return result

    def has(self, kind: str, which: Flags | None = None) -> Flags:
        """Say which deals have a record."""
        records = self.known[kind]
        return self.sums(kind, np.ones(records.size, dtype=np.int64), which) > 0


def picture_of(agency: Agency, state: State) -> Picture:
    """Project the detailed records to the moment of a state."""
    known = {
        kind: known_records(records, state.moment)
        for kind, records in agency.details.items()
    }
    return Picture(agency, state, known)


def write_detail_truth(picture: Picture, folder: Path) -> None:
    """Write one file per question; the README says what each holds."""
    files = {
        "deal_money": deal_money(picture),
        "advances": advances(picture),
        "advances_month": advances_month(picture),
        "invoices": invoices(picture),
        "deal_payments": deal_payments(picture),
        "cash_month": cash_month(picture),
        "reservations": reservations(picture),
        "double_bookings": double_bookings(picture),
        "stage_visits": stage_visits(picture),
        "settlement_changes": settlement_changes(picture),
        "contracts_month": contracts_month(picture),
        "leads_month": leads_month(picture),
        "lead_pauses": lead_pauses(picture),
        "lead_states": lead_states(picture),
        "disagreements": disagreements(picture),
    }
    files["detail_totals"] = detail_totals(picture, files)
    for name, table in files.items():
        table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")


def deal_money(picture: Picture) -> pd.DataFrame:
    """Lay out the waterfall of every real deal."""
    money = waterfall(picture)
    state = picture.state
    deal = np.flatnonzero(~state.is_test)
    columns: dict[str, object] = {
        "deal_id": deal + 1,
        "outcome": outcomes(state)[deal],
        "closing_date": _day_texts(_closing_days(state))[deal],
        "has_lines": picture.has("service_line")[deal].astype(np.int64),
    }
    for name, values in money.items():
        write = _signed if name in MAY_BE_NEGATIVE else _money
        columns[name] = write(values[deal])
    return pd.DataFrame(columns)


def waterfall(picture: Picture) -> dict[str, Ints]:
    """Compute the steps from commission to contribution; -1 is an unknown commission.

    Where a deal has no detailed record of a kind, its own field stands in.
    """
    fields = picture.state.fields
    lines = picture.known["service_line"]
    price, discount = lines.fields["price"], lines.fields["discount"]
    has_lines = picture.has("service_line")
    agreed = picture.sums("service_line", price + discount)
    gross = np.where(has_lines, agreed, fields["commission"])
    discounts = picture.sums("service_line", discount)
    partner = _partner_share(picture, np.maximum(gross, 0), discounts)
    expenses = picture.known["expense"]
    by_agency = expenses.number("payer") == cost_life.BY_AGENCY
    amount = expenses.number("amount")
    spent = np.where(
        picture.has("expense", by_agency),
        picture.sums("expense", amount, by_agency),
        np.maximum(fields["expenses"], 0),
    )
    refunds = _commission_refunds(picture, np.maximum(gross, 0) - discounts)
    revenue = np.maximum(gross, 0) - discounts - partner - refunds
    return {
        "commission_gross": gross,
        "discounts": discounts,
        "partner_share": partner,
        "commission_refunds": refunds,
        "revenue_net": revenue,
        "direct_expenses": spent,
        "expenses_pass_through": picture.sums("expense", amount, ~by_agency),
        "contribution": revenue - spent,
    }


def _commission_refunds(picture: Picture, due: Ints) -> Ints:
    """Give what was refunded beyond what had been paid too much."""
    received, refunded = _flows(picture)
    too_much = np.maximum(received + applied_offsets(picture) - due, 0)
    beyond: Ints = np.maximum(refunded - too_much, 0)
    return beyond


def _flows(picture: Picture) -> tuple[Ints, Ints]:
    """Sum the money that came from clients and went back to them, by deal."""
    payments = picture.known["payment"]
    amount = payments.number("amount")
    is_back = payments.number("direction") == payment_life.REFUND
    return (
        picture.sums("payment", amount, ~is_back),
        picture.sums("payment", amount, is_back),
    )


def _partner_share(picture: Picture, gross: Ints, discounts: Ints) -> Ints:
    shares = picture.known["partner_share"]
    deal, percent = shares.number("deal"), shares.number("percent")
    is_reduced = shares.number("base") == cost_life.AFTER_DISCOUNT
    base = gross[deal] - np.where(is_reduced, discounts[deal], 0)
    by_percent = (base * np.maximum(percent, 0) + 50) // 100
    amount = np.where(percent == EMPTY, shares.number("amount"), by_percent)
    fallback = np.maximum(picture.state.fields["partner_share"], 0)
    return np.where(
        picture.has("partner_share"), picture.sums("partner_share", amount), fallback
    )


def advances(picture: Picture) -> pd.DataFrame:
    """List the advances with what became of them."""
    known = picture.known["advance"]
    outcome, parent = known.fields["outcome"], known.number("parent")
    amount = known.number("amount")
    return pd.DataFrame(
        {
            "advance_id": np.arange(known.size) + 1,
            "deal_id": known.number("deal") + 1,
            "parent_id": _ids(parent),
            "amount": _money(amount),
            "received_date": _day_texts(known.number("received")),
            "expiry_date": _day_texts(known.fields["until"]),
            "holder": HOLDERS[known.number("holder")],
            "offsets_commission": known.number("offsets"),
            "outcome": OUTCOMES[outcome + 1],
            "outcome_date": _day_texts(known.fields["outcome_date"]),
            "held_by_agency": _money(np.where(_is_held(known), amount, 0)),
        }
    )


def _is_held(known: Known) -> Flags:
    at_agency = known.number("holder") == advance_life.AGENCY
    is_held: Flags = at_agency & (known.fields["outcome"] == EMPTY)
    return is_held


def advances_month(picture: Picture) -> pd.DataFrame:
    """Count advances received, refunded and kept by month; moved ones count once."""
    known = picture.known["advance"]
    amount, outcome = known.number("amount"), known.fields["outcome"]
    received, over = known.number("received"), known.fields["outcome_date"]
    is_first = known.number("parent") == EMPTY
    one = np.ones(known.size, dtype=np.int64)
    kept = outcome == advance_life.KEPT_BY_AGENCY
    refunded = outcome == advance_life.REFUNDED
    parts = {
        "advances_count": _by_month(received, one, is_first),
        "advances_amount": _by_month(received, amount, is_first),
        "advances_refunded_amount": _by_month(over, amount, refunded),
        "forfeited_advance_income": _by_month(over, amount, kept),
    }
    return _months(parts, counts=["advances_count"])


def invoices(picture: Picture) -> pd.DataFrame:
    """Say of every invoice what is paid, what remains, and whether it is overdue."""
    known, payments = picture.known["invoice"], picture.known["payment"]
    is_declined = known.fields["state"] == payment_life.DECLINED
    amount = np.where(is_declined, 0, known.number("amount"))
    is_back = payments.number("direction") == payment_life.REFUND
    target, value = payments.fields["invoice"], payments.number("amount")
    sums = []
    for which in (~is_back, is_back):
        linked = which & (target != EMPTY)
        found = np.zeros(known.size, dtype=np.int64)
        np.add.at(found, target[linked], value[linked])
        sums.append(found)
    received, refunded = sums
    paid = received - refunded
    due, today = known.number("due"), picture.state.today_number
    remainder = np.maximum(amount - paid, 0)
    status = payment_status(amount, paid, received > 0)
    status[is_declined & (received == 0)] = "cancelled"
    return pd.DataFrame(
        {
            "invoice_id": np.arange(known.size) + 1,
            "deal_id": known.number("deal") + 1,
            "issue_date": _day_texts(known.number("issued")),
            "due_date": _day_texts(due),
            "amount": _money(known.number("amount")),
            "amount_due": _money(amount),
            "received": _money(received),
            "refunded": _money(refunded),
            "amount_paid": _signed(paid),
            "payment_remainder": _money(remainder),
            "overpayment": _money(np.maximum(paid - amount, 0)),
            "payment_status": status,
            "payment_overdue": _money(np.where(due < today, remainder, 0)),
        }
    )


def payment_status(due: Ints, paid: Ints, was_paid: Flags) -> Texts:
    """Name the state of a debt: §6.8 of the dictionary of metrics."""
    status = np.full(due.size, "not_paid", dtype=object)
    status[was_paid & (paid == 0)] = "refunded"
    status[(paid > 0) & (paid < due)] = "partially_paid"
    status[(paid > 0) & (paid == due)] = "paid"
    status[(paid > 0) & (paid > due)] = "overpaid"
    return status


def deal_payments(picture: Picture) -> pd.DataFrame:
    """Say of every deal with a commission what came, went back and remains."""
    money = waterfall(picture)
    commission = money["commission_gross"]
    due = np.where(commission == EMPTY, EMPTY, commission - money["discounts"])
    bills = picture.known["invoice"]
    received, refunded = _flows(picture)
    offset = applied_offsets(picture)
    is_live = bills.fields["state"] != payment_life.DECLINED
    invoiced = picture.sums("invoice", bills.number("amount"), is_live)
    paid = received + offset - refunded
    is_listed = ~picture.state.is_test & ((due != EMPTY) | (received > 0))
    deal = np.flatnonzero(is_listed)
    owed = np.maximum(due, 0)
    status = payment_status(owed, paid, received + offset > 0)
    columns: dict[str, Ints] = {
        "amount_due": due,
        "invoiced": invoiced,
        "received": received,
        "advance_offset": offset,
        "refunded": refunded,
        "amount_paid": paid,
        "payment_remainder": np.maximum(owed - paid, 0),
        "overpayment": np.maximum(paid - owed, 0),
    }
    written = {
        name: (_signed if name in MAY_BE_NEGATIVE else _money)(values[deal])
        for name, values in columns.items()
    }
    return pd.DataFrame(
        {"deal_id": deal + 1, **written, "payment_status": status[deal]}
    )


def cash_month(picture: Picture) -> pd.DataFrame:
    """Sum the money of commissions by the month of the payment."""
    payments = picture.known["payment"]
    day, amount = payments.number("day"), payments.number("amount")
    is_back = payments.number("direction") == payment_life.REFUND
    net = np.where(is_back, -amount, amount)
    months = {
        "received": _by_month(day, amount, ~is_back),
        "refunded": _by_month(day, amount, is_back),
    }
    table = _months(months, counts=[])
    sums = _by_month(day, net, np.ones(payments.size, dtype=bool)).sort_index()
    return table.assign(revenue_cash=_signed(np.asarray(sums, np.int64)))


def applied_offsets(picture: Picture) -> Ints:
    """Sum the advances that paid a part of the commission, by deal."""
    known = picture.known["advance"]
    is_applied = known.fields["outcome"] == advance_life.APPLIED
    is_applied &= known.number("offsets") == 1
    return picture.sums("advance", known.number("amount"), is_applied)


def reservations(picture: Picture) -> pd.DataFrame:
    """List the reservations; one that nobody released stays active past its term."""
    known = picture.known["reservation"]
    now = int(day_end(picture).astype("datetime64[s]").astype(np.int64))
    released, end = known.fields["released"], known.fields["until"]
    is_active = released == EMPTY
    is_overdue = is_active & (end < now)
    stage = picture.state.stage[known.number("deal")]
    is_lost = np.isin(stage, [Stage.LOSE, Stage.APOLOGY])
    return pd.DataFrame(
        {
            "reservation_id": np.arange(known.size) + 1,
            "unit_id": known.number("unit") + 1,
            "deal_id": known.number("deal") + 1,
            "kind": BOOKINGS[known.number("kind")],
            "reserved_from": _moment_texts(known.number("start")),
            "reserved_until": _moment_texts(end),
            "released_at": _moment_texts(released),
            "seconds": np.where(is_active, now, released) - known.number("start"),
            "is_active": is_active.astype(np.int64),
            "is_overdue": is_overdue.astype(np.int64),
            "is_idle": (is_overdue | (is_active & is_lost)).astype(np.int64),
        }
    )


def double_bookings(picture: Picture) -> pd.DataFrame:
    """List pairs of reservations of one unit by different clients that overlap.

    A reservation lasts from its start to its release, or to its term where nobody
    released it; the end is not a part of it.
    """
    known = picture.known["reservation"]
    released, end = known.fields["released"], known.fields["until"]
    table = pd.DataFrame(
        {
            "reservation": np.arange(known.size),
            "unit": known.number("unit"),
            "deal": known.number("deal"),
            "start": known.number("start"),
            "end": np.where(released == EMPTY, end, released),
        }
    )
    contact = picture.state.deals["contact"].to_numpy()
    pairs = table.merge(table, on="unit", suffixes=("", "_second"))
    pairs = pairs[pairs["reservation"] < pairs["reservation_second"]]
    first, second = pairs["deal"].to_numpy(), pairs["deal_second"].to_numpy()
    start = np.maximum(pairs["start"].to_numpy(), pairs["start_second"].to_numpy())
    over = np.minimum(pairs["end"].to_numpy(), pairs["end_second"].to_numpy())
    is_double = (over > start) & (contact[first] != contact[second])
    found = pd.DataFrame(
        {
            "unit_id": pairs["unit"].to_numpy() + 1,
            "first_reservation_id": pairs["reservation"].to_numpy() + 1,
            "second_reservation_id": pairs["reservation_second"].to_numpy() + 1,
            "first_deal_id": first + 1,
            "second_deal_id": second + 1,
            "overlap_from": _moment_texts(start),
            "overlap_until": _moment_texts(over),
            "overlap_minutes": (over - start) // 60,
        }
    )
    order = np.lexsort((found["second_reservation_id"], found["first_reservation_id"]))
    ordered: pd.DataFrame = found.iloc[order[is_double[order]]].reset_index(drop=True)
    return ordered


def day_end(picture: Picture) -> np.datetime64:
    """What lasts is measured until the end of the moment's day."""
    day: np.datetime64 = picture.state.moment.astype("datetime64[D]") + 1
    return day


def stage_visits(picture: Picture) -> pd.DataFrame:
    """List every stay in a stage; an open one lasts until the end of the day.

    What ended a deal is no stay.
    """
    state = picture.state
    moves = until(picture.agency.stage_moves, state.moment)
    deal, at = moves["deal"].to_numpy(), moves["at"].to_numpy()
    order = np.lexsort((np.arange(deal.size), deal))
    order = order[~state.is_test[deal[order]]]
    deal, at = deal[order], at[order]
    stage = moves["stage"].to_numpy()[order]
    is_last = np.ones(deal.size, dtype=bool)
    is_last[:-1] = deal[1:] != deal[:-1]
    left = np.where(is_last, NEVER, np.roll(at, -1))
    over = np.where(is_last, day_end(picture), left)
    is_end = np.isin(stage, [Stage.WON, Stage.LOSE, Stage.APOLOGY])
    over = np.where(is_last & is_end, at, over)
    visit = pd.Series(deal).groupby(deal).cumcount().to_numpy() + 1
    names = np.array([one.name for one in Stage], dtype=object)
    return pd.DataFrame(
        {
            "deal_id": deal + 1,
            "visit_no": visit,
            "stage": names[stage],
            "entered_at": _times(at),
            "left_at": _times(left),
            "seconds": (over - at).astype("timedelta64[s]").astype(np.int64),
        }
    )


def settlement_changes(picture: Picture) -> pd.DataFrame:
    """List the changes of planned settlement dates, quick corrections collapsed."""
    state = picture.state
    edits = until(picture.agency.edits["settlement_plan_date"], state.moment)
    edits = edits[~state.is_test[edits["deal"].to_numpy()]]
    assigned = until(picture.agency.edits["assigned"], state.moment)
    author = pd.merge_asof(
        edits.assign(place=np.arange(len(edits))),
        assigned.rename(columns={"value": "author"}),
        on="at",
        by="deal",
    )["author"]
    found = collapse(edits.assign(author=author.to_numpy()))
    old, new = found["old"].to_numpy(), found["new"].to_numpy()
    months = [day.astype("datetime64[D]").astype("datetime64[M]") for day in (old, new)]
    return pd.DataFrame(
        {
            "deal_id": found["deal"].to_numpy() + 1,
            "changed_at": _times(found["at"].to_numpy()),
            "old_date": _day_texts(old),
            "new_date": _day_texts(new),
            "shift_days": new - old,
            "moved_across_month": (months[0] != months[1]).astype(np.int64),
        }
    )


def collapse(edits: pd.DataFrame) -> pd.DataFrame:
    """Turn edits of a date into changes: ``deal``, ``at``, ``old``, ``new``.

    The first filling is no change. Changes of one author that follow each other within
    ten minutes are one; if it ends where it began, there is none.

    Args:
        edits: ``deal``, ``at``, ``value``, ``author``; any order of deals.
    """
    table = edits.sort_values(["deal", "at"], kind="stable", ignore_index=True)
    deal, value = table["deal"].to_numpy(), table["value"].to_numpy()
    at, author = table["at"].to_numpy(), table["author"].to_numpy()
    is_same = np.zeros(deal.size, dtype=bool)
    is_same[1:] = deal[1:] == deal[:-1]
    old = np.where(is_same, np.roll(value, 1), EMPTY)
    is_change = (old != EMPTY) & (value != EMPTY) & (old != value)
    rows = np.flatnonzero(is_change)
    follows = np.zeros(rows.size, dtype=bool)
    follows[1:] = (
        (deal[rows[1:]] == deal[rows[:-1]])
        & (author[rows[1:]] == author[rows[:-1]])
        & (at[rows[1:]] - at[rows[:-1]] <= COLLAPSE)
    )
    first = np.flatnonzero(~follows)
    last = np.append(first[1:], rows.size)[: first.size] - 1
    found = pd.DataFrame(
        {
            "deal": deal[rows[first]],
            "at": at[rows[last]],
            "old": old[rows[first]],
            "new": value[rows[last]],
        }
    )
    changed: pd.DataFrame = found[found["old"] != found["new"]]
    return changed.reset_index(drop=True)


def contracts_month(picture: Picture) -> pd.DataFrame:
    """Count contracts by the month of their signing and of their termination."""
    known = picture.known["document"]
    is_contract = known.number("kind") == document_life.CONTRACT
    one = np.ones(known.size, dtype=np.int64)
    signed, over = known.fields["signed"], known.fields["terminated"]
    parts = {
        "contracts_signed": _by_month(signed, one, is_contract & (signed != EMPTY)),
        "contracts_terminated": _by_month(over, one, is_contract & (over != EMPTY)),
    }
    return _months(parts, counts=list(parts))


def leads_month(picture: Picture) -> pd.DataFrame:
    """Count requests by the month of their creation; spam is none."""
    known = picture.known["request"]
    created = known.fixed["created_at"].to_numpy()
    day = created.astype("datetime64[D]").astype(np.int64)
    state = known.fields["state"]
    moves = until(
        picture.agency.details["request"].edits["state"], picture.state.moment
    )
    liked = moves["record"].to_numpy()[moves["value"] == request_life.QUALIFIED]
    was_qualified = np.isin(np.arange(known.size), liked)
    estimate = np.maximum(known.fields["estimate"], 0)
    one = np.ones(known.size, dtype=np.int64)
    is_poor = state == request_life.POOR
    parts = {
        "leads_new": _by_month(day, one, state != request_life.SPAM),
        "leads_qualified": _by_month(day, one, was_qualified),
        "leads_converted": _by_month(day, one, state == request_life.CONVERTED),
        "leads_poor": _by_month(day, one, is_poor),
        "leads_poor_amount": _by_month(day, estimate, is_poor),
    }
    return _months(parts, counts=list(parts)[:4])


def lead_pauses(picture: Picture) -> pd.DataFrame:
    """List the pauses of requests; an open one lasts until the end of the day."""
    moment = picture.state.moment
    moves = until(picture.agency.details["request"].edits["state"], moment)
    lead, at = moves["record"].to_numpy(), moves["at"].to_numpy()
    order = np.lexsort((np.arange(lead.size), lead))
    lead, at = lead[order], at[order]
    state = moves["value"].to_numpy()[order]
    is_last = np.ones(lead.size, dtype=bool)
    is_last[:-1] = lead[1:] != lead[:-1]
    left = np.where(is_last, NEVER, np.roll(at, -1))
    rows = np.flatnonzero(state == request_life.PAUSED)
    over = np.where(is_last, day_end(picture), left)[rows]
    return pd.DataFrame(
        {
            "lead_id": lead[rows] + 1,
            "paused_at": _times(at[rows]),
            "resumed_at": _times(left[rows]),
            "seconds": (over - at[rows]).astype("timedelta64[s]").astype(np.int64),
        }
    )


def lead_states(picture: Picture) -> pd.DataFrame:
    """Count requests and their estimates by state and reason of the pause."""
    known = picture.known["request"]
    codes = np.array(list(request_life.STATES), dtype=object)
    reason = known.fields["pause_reason"]
    table = pd.DataFrame(
        {
            "state": codes[known.fields["state"]],
            "pause_reason_no": np.where(
                reason == EMPTY, "", (reason + 1).astype(str).astype(object)
            ),
            "estimate": np.maximum(known.fields["estimate"], 0),
        }
    )
    found = (
        table.groupby(["state", "pause_reason_no"])["estimate"]
        .agg(["size", "sum"])
        .reset_index()
    )
    return pd.DataFrame(
        {
            "state": found["state"],
            "pause_reason_no": found["pause_reason_no"],
            "leads": found["size"],
            "estimate": _money(found["sum"].to_numpy()),
        }
    )


def disagreements(picture: Picture) -> pd.DataFrame:
    """List where a field of the deal and its detailed records differ.

    A record without the field, or a field without a record, is a difference too.
    """
    state = picture.state
    fields = state.fields
    lines, taken = picture.known["service_line"], picture.known["advance"]
    expenses = picture.known["expense"]
    by_agency = expenses.number("payer") == cost_life.BY_AGENCY
    is_first = taken.number("parent") == EMPTY
    money = waterfall(picture)
    paid = _flows(picture)[0] + applied_offsets(picture)
    pairs: dict[str, tuple[Ints, Ints, Flags]] = {
        "commission": (
            fields["commission"],
            picture.sums("service_line", lines.fields["price"]),
            picture.has("service_line"),
        ),
        "advance_amount": (
            fields["advance_amount"],
            picture.sums("advance", taken.number("amount"), is_first),
            picture.has("advance", is_first),
        ),
        "expenses": (
            fields["expenses"],
            picture.sums("expense", expenses.number("amount"), by_agency),
            picture.has("expense", by_agency),
        ),
        "partner_share": (
            fields["partner_share"],
            money["partner_share"],
            picture.has("partner_share"),
        ),
        "paid": (fields["paid"], paid, paid > 0),
    }
    parts = []
    papers = picture.known["document"]
    is_signed = papers.number("kind") == document_life.CONTRACT
    is_signed &= papers.fields["signed"] != EMPTY
    pairs["contract_date"] = (
        fields["contract_date"],
        picture.sums("document", papers.fields["signed"], is_signed),
        picture.has("document", is_signed),
    )
    for name, (written, recorded, has_records) in pairs.items():
        write = _day_texts if name == "contract_date" else _money
        is_filled = written != EMPTY
        is_other = is_filled & has_records & (written != recorded)
        is_alone = is_filled != has_records
        deal = np.flatnonzero((is_other | is_alone) & ~state.is_test)
        parts.append(
            pd.DataFrame(
                {
                    "field": name,
                    "deal_id": deal + 1,
                    "field_value": write(written[deal]),
                    "records_value": write(
                        np.where(has_records, recorded, EMPTY)[deal]
                    ),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def detail_totals(picture: Picture, files: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Count records by kind, states of payments, and what needs an eye."""
    known, state = picture.known, picture.state
    totals = {
        f"records:{kind}": str(records.size)
        for kind, records in sorted(known.items())
        if kind not in BESIDE_RECORDS
    }
    taken, bookings = known["advance"], known["reservation"]
    held = np.where(_is_held(taken), taken.number("amount"), 0)
    totals["advances_held"] = _money(np.array([held.sum()]))[0]
    totals["advances_transferred"] = str(int((taken.number("parent") >= 0).sum()))
    totals["double_bookings"] = str(len(files["double_bookings"]))
    totals["double_bookings_planted"] = str(int(bookings.number("is_planted").sum()))
    totals["settlement_date_changes"] = str(len(files["settlement_changes"]))
    for name in ("invoices", "deal_payments"):
        counts = files[name]["payment_status"].value_counts().sort_index()
        totals |= {f"{name}:{status}": str(n) for status, n in counts.items()}
    differing = files["disagreements"].groupby("field").size()
    totals |= {f"disagreements:{field}": str(n) for field, n in differing.items()}
    tasks = known["task"]
    is_open = (state.stage < Stage.WON) | (state.stage == Stage.LEGACY)
    has_step = picture.has("task", tasks.fields["closed"] == EMPTY)
    lacks_step = is_open & ~has_step & ~state.is_test
    totals["open_deals_without_task"] = str(int(lacks_step.sum()))
    totals |= stocks(picture)
    units = known["unit"].fields["state"]
    for name, position in (
        ("free", object_life.FREE),
        ("reserved", object_life.RESERVED),
        ("sold", object_life.SOLD),
        ("removed", object_life.REMOVED),
    ):
        totals[f"units:{name}"] = str(int((units == position).sum()))
    return pd.DataFrame(totals.items(), columns=["name", "value"])


def stocks(picture: Picture) -> dict[str, str]:
    """Count what stands at the moment: contracts, debts, requests, expected money."""
    state, money = picture.state, waterfall(picture)
    gross = money["commission_gross"]
    current = np.maximum(gross, 0) - money["discounts"]
    expected = np.where(gross == EMPTY, 0, current - money["partner_share"])
    is_open = (state.stage < Stage.WON) | (state.stage == Stage.LEGACY)
    is_open &= ~state.is_test
    closed = _closing_days(state)
    is_closed = (closed != EMPTY) & (closed <= state.today_number) & ~state.is_test
    received, refunded = _flows(picture)
    # What was given back of a commission is not owed again.
    owed = current - money["commission_refunds"] - received + refunded
    owed = np.maximum(owed - applied_offsets(picture), 0)
    taken = picture.known["advance"]
    is_for_commission = taken.number("offsets") == 1
    is_for_commission &= _is_held(taken) | (
        taken.fields["outcome"] == advance_life.APPLIED
    )
    advanced = picture.sums("advance", taken.number("amount"), is_for_commission)
    prepaid = np.maximum(received + advanced - refunded, 0)
    requests = picture.known["request"]
    stage = requests.fields["state"]
    in_work = np.isin(
        stage, [request_life.NEW, request_life.TAKEN, request_life.QUALIFIED]
    )
    estimate = np.maximum(requests.fields["estimate"], 0)
    counts = {
        "contracts_active": _contracts_in_force(picture),
        "leads_in_work": int(in_work.sum()),
        "leads_paused": int((stage == request_life.PAUSED).sum()),
    }
    amounts = {
        "commission_receivable": owed[is_closed].sum(),
        "commission_prepaid": prepaid[~is_closed & ~state.is_test].sum(),
        "leads_in_work_amount": estimate[in_work].sum(),
        "pipeline_amount": expected[is_open].sum(),
    }
    written = _money(np.array(list(amounts.values()), dtype=np.int64))
    return {
        **{name: str(count) for name, count in counts.items()},
        **dict(zip(amounts, written, strict=True)),
    }


def _contracts_in_force(picture: Picture) -> int:
    """Count signed contracts of deals in work or paused; fields stand in."""
    state, today = picture.state, picture.state.today_number
    is_over = np.isin(state.stage, [Stage.WON, Stage.LOSE, Stage.APOLOGY])
    papers = picture.known["document"]
    until_day, over = papers.fields["valid_until"], papers.fields["terminated"]
    is_signed = papers.number("kind") == document_life.CONTRACT
    is_signed &= papers.fields["state"] == document_life.SIGNED
    in_force = is_signed & ~is_over[papers.number("deal")]
    in_force &= papers.fields["signed"] <= today
    in_force &= (until_day == EMPTY) | (until_day >= today)
    in_force &= (over == EMPTY) | (over > today)
    written = state.fields["contract_date"]
    is_alone = ~picture.has("document", is_signed) & ~is_over & ~state.is_test
    is_alone &= (written != EMPTY) & (written <= today)
    return int(in_force.sum() + is_alone.sum())


def outcomes(state: State) -> Texts:
    """Name the outcome of each deal; a stage nobody mapped counts as open."""
    result = np.full(state.size, "open", dtype=object)
    result[state.stage == Stage.WON] = "won"
    result[np.isin(state.stage, [Stage.LOSE, Stage.APOLOGY])] = "lost"
    result[state.stage == Stage.PAUSED] = "paused"
    return result


def _closing_days(state: State) -> Ints:
    settled, won = state.fields["settlement_date"], state.won_at
    moved = np.where(np.isnat(won), np.datetime64(0, "s"), won)
    moved_day = moved.astype("datetime64[D]").astype(np.int64)
    day = np.where(settled == EMPTY, moved_day, settled)
    return np.where(state.stage == Stage.WON, day, EMPTY)


def _by_month(day: Ints, value: Ints, which: Flags) -> "pd.Series[int]":
    month = day[which].astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    sums: pd.Series[int] = pd.Series(value[which]).groupby(month).sum()
    return sums


def _months(parts: dict[str, "pd.Series[int]"], *, counts: list[str]) -> pd.DataFrame:
    wide = pd.DataFrame(parts).fillna(0).astype(np.int64).sort_index()
    columns: dict[str, object] = {
        "month": [str(np.datetime64(int(month), "M")) for month in wide.index]
    }
    for name in parts:
        values = wide[name].to_numpy()
        columns[name] = values if name in counts else _money(values)
    return pd.DataFrame(columns)


def _money(kopecks: Ints) -> Texts:
    """Write kopecks with two decimals; ``None`` for unknown."""
    return money_texts(kopecks, "")


def _signed(kopecks: Ints) -> Texts:
    """Write kopecks that may be below zero and are never unknown."""
    sign = np.where(kopecks < 0, "-", "").astype(object)
    written: Texts = sign + money_texts(np.abs(kopecks), "")
    return written


def _ids(position: Ints) -> Texts:
    written = (position + 1).astype(str).astype(object)
    return np.where(position == EMPTY, "", written)


def _day_texts(days: Ints) -> Texts:
    written = np.datetime_as_string(day_times(days), unit="D").astype(object)
    return np.where(days == EMPTY, "", written)


def _times(times: Times) -> Texts:
    written = np.datetime_as_string(times, unit="s").astype(object)
    return np.where(np.isnat(times), "", written)


def _moment_texts(seconds: Ints) -> Texts:
    times = np.maximum(seconds, 0).astype("datetime64[s]")
    return _times(np.where(seconds == EMPTY, NEVER, times))
