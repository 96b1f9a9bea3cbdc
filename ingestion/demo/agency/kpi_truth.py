"""KPI by month and employee, computed from the simulator's own events and records.

The definitions are written a second time on purpose: detailed records win over the
deal's own field, which stands in where the deal has no record of that kind; every fact
has one date, and one date only credits the people who held the role on it. Money is
whole kopecks, counts are ten-thousandths, so sums are exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from ingestion.demo.agency import advances as advance_life
from ingestion.demo.agency import commission as payment_life
from ingestion.demo.agency import costs as cost_life
from ingestion.demo.agency import documents as document_life
from ingestion.demo.agency import requests as request_life
from ingestion.demo.agency.cards import OWNER_BASE
from ingestion.demo.agency.detail_truth import Picture, waterfall
from ingestion.demo.agency.duplicate_truth import duplicates
from ingestion.demo.agency.model import (
    EMPTY,
    ActivityKind,
    Flags,
    Ints,
    Stage,
    Times,
    day_numbers,
    local_moment,
)
from ingestion.demo.agency.object_truth import (
    activities_of,
    agreed_prices,
    is_bought,
    showing_pairs,
)
from ingestion.demo.agency.state import State, state_at, until

WHOLE = 10_000
SAME_MEETING_SECONDS = 3600
SAME_CALL_SECONDS = 60
EFFECTIVE_CALL_SECONDS = 60
DAY = 86400
UNASSIGNED = 0
COUNTS = (
    "leads_new",
    "leads_unique",
    "leads_qualified",
    "leads_poor",
    "calls_made",
    "calls_effective",
    "meetings_planned",
    "meetings_held",
    "meetings_first",
    "showing_unconfirmed",
    "contracts_signed",
    "contracts_exclusive",
    "contracts_terminated",
    "showings_planned",
    "showings_held",
    "showings_failed",
    "showing_pairs",
    "showing_pairs_reserved",
    "reservations_made",
    "reservations_contracted",
    "advances_count",
    "deals_closed",
    "deal_sides_closed",
    "refusals",
    "refusal_events",
    "collapses",
)
AMOUNTS = (
    "leads_poor_amount",
    "advances_amount",
    "advances_refunded_amount",
    "advances_net_amount",
    "forfeited_advance_income",
    "commission_gross",
    "discounts",
    "partner_share",
    "commission_refunds",
    "revenue_net",
    "direct_expenses",
    "contribution",
    "revenue_cash",
    "lost_commission",
    "list_price_agreed",
    "list_price_discount",
)
METRICS = (*COUNTS, *AMOUNTS)
ACCRUED = "accrued"
# Sums of facts that have dates of their own.
SUMS: dict[str, dict[str, int]] = {
    "advances_net_amount": {"advances_amount": 1, "advances_refunded_amount": -1},
    "revenue_net": {ACCRUED: 1, "commission_refunds": -1},
    "contribution": {ACCRUED: 1, "commission_refunds": -1, "direct_expenses": -1},
}
LOST = (Stage.LOSE, Stage.APOLOGY)
BEYOND_ADVANCE = (Stage.PREPARATION, Stage.SETTLEMENT, Stage.WON)


@dataclass
class Ledger:
    """Collects credits: metric, month, person and value.

    Attributes:
        picture: What is known at the moment.
        looks: States at which the warehouse saw the agency, the moment's one last.
        parts: What is collected.
    """

    picture: Picture
    looks: Sequence[State]
    parts: list[pd.DataFrame]

    @property
    def state(self) -> State:
        """The deals at the moment."""
        return self.picture.state

    def credit(
        self, metric: str, day: Ints, person: Ints, value: Ints | int = WHOLE
    ) -> None:
        """Credit dated facts to people; a fact after today has not happened."""
        flags = (day != EMPTY) & (day <= self.state.today_number)
        month = day[flags].astype("datetime64[D]").astype("datetime64[M]")
        self.parts.append(
            pd.DataFrame(
                {
                    "metric": metric,
                    "month": month.astype(np.int64),
                    "employee_id": np.where(person == EMPTY, UNASSIGNED, person)[flags],
                    "value": np.broadcast_to(value, day.shape)[flags],
                }
            )
        )

    def credit_role(
        self,
        metric: str,
        role: str,
        deal: Ints,
        day: Ints,
        value: Ints | int = WHOLE,
    ) -> None:
        """Credit facts of deals to who held a role on their date, in equal shares."""
        holder = self.holder(role, deal, day)
        amount = np.array(np.broadcast_to(value, day.shape))
        if role != "deal_owner":
            self.credit(metric, day, holder, amount)
            return
        first = np.where(holder == EMPTY, UNASSIGNED, holder % OWNER_BASE)
        second = np.where(holder == EMPTY, UNASSIGNED, holder // OWNER_BASE)
        is_shared = second != UNASSIGNED
        low, high = split_money(amount, first, second)
        self.credit(metric, day, first, np.where(is_shared, low, amount))
        self.credit(metric, np.where(is_shared, day, EMPTY), second, high)

    def holder(self, role: str, deal: Ints, day: Ints) -> Ints:
        """Say who held a role of a deal at the end of a day, as the warehouse knows.

        It is the last holder seen by then, else the first one seen later.
        """
        seen = later = np.full(deal.size, EMPTY)
        for look in self.looks:
            holder = _value(look, role, deal)
            is_by = day >= look.today_number
            seen = np.where(is_by & (holder != EMPTY), holder, seen)
            later = np.where(~is_by & (later == EMPTY), holder, later)
        return np.where(seen == EMPTY, later, seen)


def kpi_credits(picture: Picture, looked_at: Sequence[datetime]) -> pd.DataFrame:
    """Credit every fact to people: ``metric``, ``month``, ``employee_id``, ``value``.

    Args:
        picture: What is known at the moment.
        looked_at: When the warehouse looked at the agency before the moment.

    Returns:
        Month is the number of months since 1970; employee 0 is "unassigned".
    """
    looks = [
        state_at(picture.agency, look)
        for look in sorted(looked_at)
        if local_moment(look) < picture.state.moment
    ]
    ledger = Ledger(picture, [*looks, picture.state], [])
    for write in (
        _requests,
        _calls,
        _meetings,
        _showings,
        _objects,
        _contracts,
        _advances,
        _closings,
        _refunds,
        _expenses,
        _cash,
        _refusals,
    ):
        write(ledger)
    found = pd.concat(ledger.parts, ignore_index=True)
    for metric, parts in SUMS.items():
        for part, sign in parts.items():
            table = found[found["metric"] == part]
            value = sign * table["value"]
            ledger.parts.append(table.assign(metric=metric, value=value))
    known = pd.concat(ledger.parts, ignore_index=True)
    credited: pd.DataFrame = known[known["metric"] != ACCRUED].reset_index(drop=True)
    return credited


def split_money(amount: Ints, first: Ints, second: Ints) -> tuple[Ints, Ints]:
    """Split kopecks in two equal shares; the odd kopeck goes to the lower id."""
    half = np.abs(amount) // 2
    odd = np.abs(amount) - 2 * half
    sign = np.sign(amount)
    return (
        sign * (half + odd * (first < second)),
        sign * (half + odd * (first > second)),
    )


def closing_days(state: State) -> Ints:
    """Give the closing day of won deals: the settlement, else the move to won."""
    settled, won = state.fields["settlement_date"], state.won_at
    day = np.where(settled == EMPTY, _days(won), settled)
    return np.where(state.stage == Stage.WON, day, EMPTY)


def _value(state: State, field: str, deal: Ints) -> Ints:
    """Give a field of deals at an earlier moment; empty before they are created."""
    padded = np.append(state.fields[field], EMPTY)
    found: Ints = padded[np.minimum(deal, state.size)]
    return found


def _days(times: Times) -> Ints:
    is_known = ~np.isnat(times)
    safe = np.where(is_known, times, np.datetime64(0, "s"))
    return np.where(is_known, day_numbers(safe), EMPTY)


# ------------------------------------------------------------------------ requests


def _requests(ledger: Ledger) -> None:
    known = ledger.picture.known["request"]
    created = day_numbers(known.fixed["created_at"].to_numpy())
    person = ledger.picture.agency.leads["assigned"].to_numpy()[: known.size]
    state, moves = known.fields["state"], ledger.picture.agency.details["request"]
    liked = until(moves.edits["state"], ledger.state.moment).query(
        f"value == {request_life.QUALIFIED}"
    )
    was_qualified = np.isin(np.arange(known.size), liked["record"].to_numpy())
    is_poor = state == request_life.POOR
    is_new = state != request_life.SPAM
    for metric, flags in (
        ("leads_new", is_new),
        ("leads_unique", is_new & ~duplicates(ledger.picture)),
        ("leads_qualified", was_qualified),
        ("leads_poor", is_poor),
    ):
        ledger.credit(metric, np.where(flags, created, EMPTY), person)
    estimate = np.maximum(known.fields["estimate"], 0)
    poor = np.where(is_poor, created, EMPTY)
    ledger.credit("leads_poor_amount", poor, person, estimate)


# ---------------------------------------------------------------------- activities


def _calls(ledger: Ledger) -> None:
    made = activities_of(ledger.picture, ActivityKind.CALL).query("is_held")
    made = made[keep_longest_of_minute(made, ledger.state.deals)]
    talked = made[made["seconds"] >= EFFECTIVE_CALL_SECONDS]
    for metric, calls in (("calls_made", made), ("calls_effective", talked)):
        ledger.credit(metric, calls["day"].to_numpy(), calls["host"].to_numpy())


def keep_longest_of_minute(calls: pd.DataFrame, deals: pd.DataFrame) -> Flags:
    """Keep one of the calls to a client that begin within a minute of each other.

    Telephony and people enter the same call; the longest entry stays, then the oldest.

    Args:
        calls: ``deal``, ``at``, ``seconds``, in the order of entry.
        deals: ``contact`` by the number of the deal.
    """
    table = pd.DataFrame(
        {
            "row": np.arange(len(calls)),
            "contact": deals["contact"].to_numpy()[calls["deal"].to_numpy()],
            "at": calls["at"].to_numpy(),
            "seconds": calls["seconds"].to_numpy(),
        }
    ).sort_values(["contact", "at"], kind="stable", ignore_index=True)
    is_same = table["contact"].diff() == 0
    is_close = is_same & (table["at"].diff().dt.total_seconds() <= SAME_CALL_SECONDS)
    table["run"] = (~is_close).cumsum()
    table = table.sort_values(["run", "seconds", "row"], ascending=[True, False, True])
    kept = table.drop_duplicates("run")["row"].to_numpy()
    return np.isin(np.arange(len(calls)), kept)


def held_meetings(picture: Picture) -> pd.DataFrame:
    """Meetings held up to the moment; one that was entered twice counts once."""
    meetings = activities_of(picture, ActivityKind.MEETING)
    is_past = meetings["day"] <= picture.state.today_number
    held = meetings[meetings["is_held"] & is_past]
    held = held.sort_values(["deal", "host", "at"], kind="stable")
    return held[keep_first_of_hour(held)]


def _meetings(ledger: Ledger) -> None:
    meetings = activities_of(ledger.picture, ActivityKind.MEETING)
    held = held_meetings(ledger.picture)
    planned = pd.concat([held, meetings[~meetings["is_held"]]])
    first = held.sort_values(["deal", "at"], kind="stable").drop_duplicates("deal")
    for metric, table in (
        ("meetings_planned", planned),
        ("meetings_held", held),
        ("meetings_first", first),
        ("showing_unconfirmed", held[held["unit"] != EMPTY]),
    ):
        ledger.credit(metric, table["day"].to_numpy(), table["host"].to_numpy())


def keep_first_of_hour(held: pd.DataFrame) -> Flags:
    """Keep a meeting unless it starts within an hour of the last kept one.

    Args:
        held: ``deal``, ``host``, ``at``, sorted by them.
    """
    start = held["at"].to_numpy().astype("datetime64[s]").astype(np.int64)
    deal, host = held["deal"].to_numpy(), held["host"].to_numpy()
    gap = np.diff(start, prepend=start[:1])
    is_same = np.zeros(start.size, dtype=bool)
    is_same[1:] = (deal[1:] == deal[:-1]) & (host[1:] == host[:-1])
    keep: Flags = ~(is_same & (gap <= SAME_MEETING_SECONDS))
    # Only chains of close entries need a look at the last kept one: they are few.
    last_kept = 0
    for row in np.flatnonzero(~keep):
        if keep[row - 1]:
            last_kept = start[row - 1]
        if start[row] - last_kept > SAME_MEETING_SECONDS:
            keep[row] = True
    return keep


def _showings(ledger: Ledger) -> None:
    showings = activities_of(ledger.picture, ActivityKind.SHOWING)
    lasts = pd.to_timedelta(showings["seconds"], unit="s")
    is_over = (showings["at"] + lasts <= ledger.state.moment).to_numpy()
    for metric, table in (
        ("showings_planned", showings),
        ("showings_held", showings[showings["is_held"]]),
        ("showings_failed", showings[~showings["is_held"] & is_over]),
    ):
        ledger.credit(metric, table["day"].to_numpy(), table["host"].to_numpy())


def _objects(ledger: Ledger) -> None:
    """Credit flats shown to clients and reserved by them, and what became of it."""
    shown = showing_pairs(ledger.picture)
    reserved = shown[shown["is_reserved"]]
    for metric, pairs in (
        ("showing_pairs", shown),
        ("showing_pairs_reserved", reserved),
    ):
        ledger.credit(metric, pairs["day"].to_numpy(), pairs["host"].to_numpy())
    made = ledger.picture.known["reservation"]
    deal, day = made.number("deal"), made.number("start") // DAY
    bought = np.where(is_bought(ledger.picture), day, EMPTY)
    ledger.credit_role("reservations_made", "deal_owner", deal, day)
    ledger.credit_role("reservations_contracted", "deal_owner", deal, bought)
    agreed = agreed_prices(ledger.picture)
    deal, day = agreed["deal"].to_numpy(), agreed["day"].to_numpy()
    listed, price = agreed["listed"].to_numpy(), agreed["price"].to_numpy()
    ledger.credit_role("list_price_agreed", "deal_owner", deal, day, listed)
    ledger.credit_role("list_price_discount", "deal_owner", deal, day, listed - price)


# ----------------------------------------------------------- contracts and advances


def _contracts(ledger: Ledger) -> None:
    """Count signed contracts; the deal's date stands in where there is none."""
    picture, state = ledger.picture, ledger.state
    papers = picture.known["document"]
    is_signed = papers.number("kind") == document_life.CONTRACT
    is_signed &= papers.fields["state"] == document_life.SIGNED
    is_signed &= papers.fields["signed"] != EMPTY
    rows = np.flatnonzero(is_signed)
    deal = papers.number("deal")[rows]
    for metric, field in (
        ("contracts_signed", "signed"),
        ("contracts_terminated", "terminated"),
    ):
        ledger.credit_role(metric, "contract_owner", deal, papers.fields[field][rows])
    is_exclusive = papers.fields["exclusive"][rows] == 1
    signed = np.where(is_exclusive, papers.fields["signed"][rows], EMPTY)
    ledger.credit_role("contracts_exclusive", "contract_owner", deal, signed)
    alone = np.flatnonzero(~picture.has("document", is_signed) & ~state.is_test)
    day = state.fields["contract_date"][alone]
    ledger.credit_role("contracts_signed", "contract_owner", alone, day)


def _advances(ledger: Ledger) -> None:
    """Count advances received, not those moved from another deal, and their ends."""
    picture, state = ledger.picture, ledger.state
    taken = picture.known["advance"]
    deal, amount = taken.number("deal"), taken.number("amount")
    is_first = taken.number("parent") == EMPTY
    received = np.where(is_first, taken.number("received"), EMPTY)
    outcome, over = taken.fields["outcome"], taken.fields["outcome_date"]
    refunded = np.where(outcome == advance_life.REFUNDED, over, EMPTY)
    kept = np.where(outcome == advance_life.KEPT_BY_AGENCY, over, EMPTY)
    alone = np.flatnonzero(~picture.has("advance") & ~state.is_test)
    day = state.fields["advance_date"][alone]
    written = np.maximum(state.fields["advance_amount"][alone], 0)
    owner = "advance_owner"
    ledger.credit_role("advances_count", owner, deal, received)
    ledger.credit_role("advances_count", owner, alone, day)
    ledger.credit_role("advances_amount", owner, deal, received, amount)
    ledger.credit_role("advances_amount", owner, alone, day, written)
    ledger.credit_role("advances_refunded_amount", owner, deal, refunded, amount)
    ledger.credit_role("forfeited_advance_income", "deal_owner", deal, kept, amount)


# --------------------------------------------------------------------------- money


def _closings(ledger: Ledger) -> None:
    """Credit what is recognised when a deal is won."""
    picture, state = ledger.picture, ledger.state
    money = waterfall(picture)
    lines = picture.known["service_line"]
    service = lines.number("service")
    sides = np.ones(state.size, dtype=np.int64)
    sides += picture.has("service_line", service == payment_life.SELLER) & picture.has(
        "service_line", service == payment_life.BUYER
    )
    gross, discounts = money["commission_gross"], money["discounts"]
    accrued = np.maximum(gross, 0) - discounts - money["partner_share"]
    deal = np.flatnonzero((state.stage == Stage.WON) & ~state.is_test)
    closed = closing_days(state)[deal]
    for metric, value in (
        ("deals_closed", np.full(state.size, WHOLE)),
        ("deal_sides_closed", sides * WHOLE),
        ("commission_gross", np.maximum(gross, 0)),
        ("discounts", discounts),
        ("partner_share", money["partner_share"]),
        (ACCRUED, np.where(gross == EMPTY, 0, accrued)),
    ):
        ledger.credit_role(metric, "deal_owner", deal, closed, value[deal])


def _refunds(ledger: Ledger) -> None:
    """Credit money paid back beyond what had been paid too much, of won deals."""
    picture, state = ledger.picture, ledger.state
    payments = picture.known["payment"]
    is_back = payments.number("direction") == payment_life.REFUND
    last = np.full(state.size, EMPTY)
    np.maximum.at(
        last, payments.number("deal")[is_back], payments.number("day")[is_back]
    )
    refunds = waterfall(picture)["commission_refunds"]
    deal = np.flatnonzero((refunds > 0) & (state.stage == Stage.WON) & ~state.is_test)
    day = np.maximum(last, closing_days(state))[deal]
    ledger.credit_role("commission_refunds", "deal_owner", deal, day, refunds[deal])


def _expenses(ledger: Ledger) -> None:
    """Credit what the agency spent on won deals, not before they are recognised."""
    picture, state = ledger.picture, ledger.state
    closed = np.where(state.is_test, EMPTY, closing_days(state))
    spent = picture.known["expense"]
    by_agency = spent.number("payer") == cost_life.BY_AGENCY
    of_won = by_agency & (closed[spent.number("deal")] != EMPTY)
    deal = spent.number("deal")[of_won]
    day = np.maximum(spent.number("incurred")[of_won], closed[deal])
    amount = spent.number("amount")[of_won]
    ledger.credit_role("direct_expenses", "deal_owner", deal, day, amount)
    alone = np.flatnonzero(~picture.has("expense", by_agency))
    written = np.maximum(state.fields["expenses"][alone], 0)
    day = closed[alone]
    ledger.credit_role("direct_expenses", "deal_owner", alone, day, written)


def _cash(ledger: Ledger) -> None:
    """Credit payments of commissions; an advance that offsets one is no payment."""
    payments = ledger.picture.known["payment"]
    amount = payments.number("amount")
    is_back = payments.number("direction") == payment_life.REFUND
    net = np.where(is_back, -amount, amount)
    deal, day = payments.number("deal"), payments.number("day")
    ledger.credit_role("revenue_cash", "deal_owner", deal, day, net)


def _refusals(ledger: Ledger) -> None:
    """Credit refusals, what they cost, and every move into one."""
    picture, state = ledger.picture, ledger.state
    deal = np.flatnonzero(np.isin(state.stage, LOST) & ~state.is_test)
    day = _days(state.lost_at)[deal]
    ledger.credit_role("refusals", "deal_owner", deal, day)
    money = waterfall(picture)
    current = money["commission_gross"] - money["discounts"]
    lost = current - money["partner_share"]
    lost = np.where(money["commission_gross"] == EMPTY, 0, lost)
    ledger.credit_role("lost_commission", "deal_owner", deal, day, lost[deal])
    is_deep = _reached_advance(ledger)[deal]
    collapsed = np.where(is_deep, day, EMPTY)
    ledger.credit_role("collapses", "deal_owner", deal, collapsed)
    moves = until(picture.agency.stage_moves, state.moment)
    moves = moves[np.isin(moves["stage"], LOST)]
    moves = moves[~state.is_test[moves["deal"].to_numpy()]]
    ledger.credit_role(
        "refusal_events",
        "deal_owner",
        moves["deal"].to_numpy(),
        day_numbers(moves["at"].to_numpy()),
    )


def _reached_advance(ledger: Ledger) -> Flags:
    """Say which refused deals had an advance, or a later stage, before the refusal.

    A stage that says so without a dated advance proves nothing.
    """
    picture, state = ledger.picture, ledger.state
    refused = _days(state.lost_at)
    taken = picture.known["advance"]
    far = np.iinfo(np.int64).max
    first = np.full(state.size, far)
    np.minimum.at(first, taken.number("deal"), taken.number("received"))
    written = state.fields["advance_date"]
    written = np.where(written == EMPTY, far, written)
    first = np.where(picture.has("advance"), first, written)
    moves = until(picture.agency.stage_moves, state.moment)
    moves = moves[np.isin(moves["stage"], BEYOND_ADVANCE)]
    is_beyond = np.isin(np.arange(state.size), moves["deal"].to_numpy())
    return (first <= refused) | is_beyond
