"""What is true of flats: to whom they were shown, what was reserved and bought."""

import numpy as np
import pandas as pd

from ingestion.demo.agency import documents as document_life
from ingestion.demo.agency.detail_truth import Picture
from ingestion.demo.agency.model import EMPTY, ActivityKind, Flags, day_numbers
from ingestion.demo.agency.moves import plans
from ingestion.demo.agency.state import count_until

DAYS_TO_RESERVE = np.timedelta64(30, "D")


def activities_of(picture: Picture, kind: ActivityKind) -> pd.DataFrame:
    """Give the real activities of a kind as the card shows them.

    The card has one start: the planned one until the activity is held, then the true
    one, so that is all anybody knows of the plan.

    Returns:
        ``deal``, ``host``, ``unit`` or -1, ``at``, ``day``, ``seconds``, ``is_held``.
    """
    moment = picture.state.moment
    table = picture.agency.activities
    size = count_until(table["created_at"], moment)
    unit = picture.known["viewing"].number("unit")[:size]
    known = table.iloc[:size].assign(unit=unit, plan=plans(picture.agency, moment)[0])
    known = known[known["kind"] == kind]
    known = known[~picture.state.is_test[known["deal"].to_numpy()]]
    is_held = (known["completed_at"] <= moment).to_numpy()
    start = np.where(is_held, known["start"], known["plan"])
    return pd.DataFrame(
        {
            "deal": known["deal"].to_numpy(),
            "host": known["host"].to_numpy() + 1,
            "unit": known["unit"].to_numpy(),
            "at": start,
            "day": day_numbers(start.astype("datetime64[s]")),
            "seconds": (known["end"] - known["start"]).dt.total_seconds().to_numpy(),
            "is_held": is_held,
        }
    )


def _viewings(picture: Picture) -> pd.DataFrame:
    """Give held showings of known flats to a client; a client is a contact here."""
    shown = activities_of(picture, ActivityKind.SHOWING)
    shown = shown[shown["is_held"] & (shown["unit"] != EMPTY)]
    shown = shown[(shown["at"] <= picture.state.moment).to_numpy()]
    contact = picture.state.deals["contact"].to_numpy()
    viewings: pd.DataFrame = shown.assign(contact=contact[shown["deal"].to_numpy()])
    return viewings


def showing_pairs(picture: Picture) -> pd.DataFrame:
    """Give pairs of client and flat whose first held showing is 30 days old.

    Returns:
        The first held showing of each pair; ``is_reserved``: the same client reserved
        the flat after it, within the 30 days.
    """
    moment = picture.state.moment
    held = _viewings(picture)
    contact = picture.state.deals["contact"].to_numpy()
    first = held.sort_values("at", kind="stable").drop_duplicates(["contact", "unit"])
    ripe = first[(first["at"] + DAYS_TO_RESERVE <= moment).to_numpy()]
    ripe = ripe.assign(pair=np.arange(len(ripe)))
    made = picture.known["reservation"]
    reserved = pd.DataFrame(
        {
            "contact": contact[made.number("deal")],
            "unit": made.number("unit"),
            "start": made.number("start").astype("datetime64[s]"),
        }
    ).merge(ripe, on=["contact", "unit"])
    is_soon = reserved["start"] >= reserved["at"]
    is_soon &= reserved["start"] < reserved["at"] + DAYS_TO_RESERVE
    return ripe.assign(is_reserved=ripe["pair"].isin(reserved["pair"][is_soon]))


def is_bought(picture: Picture) -> Flags:
    """Say which reservations were followed by a signed contract with the seller."""
    papers, made = picture.known["document"], picture.known["reservation"]
    is_signed = papers.number("kind") == document_life.PRELIMINARY
    is_signed &= papers.fields["state"] == document_life.SIGNED
    signed = papers.fields["signed"]
    is_signed &= (signed != EMPTY) & (signed <= picture.state.today_number)
    last = np.full(picture.size, EMPTY)
    np.maximum.at(last, papers.number("deal")[is_signed], signed[is_signed])
    reserved = made.number("start").astype("datetime64[s]").astype("datetime64[D]")
    return np.asarray(last[made.number("deal")] >= reserved.astype(np.int64))


def agreed_prices(picture: Picture) -> pd.DataFrame:
    """Compare prices with an advance to the list on the day of the last reservation.

    Returns:
        ``deal``, ``day`` of the reservation, ``listed`` and ``price`` in kopecks; only
        where both are known.
    """
    made, taken, state = (
        picture.known["reservation"],
        picture.known["advance"],
        picture.state,
    )
    table = pd.DataFrame(
        {
            "deal": made.number("deal"),
            "start": made.number("start"),
            "listed": made.number("price"),
        }
    )
    last = table.sort_values("start", kind="stable").drop_duplicates(
        "deal", keep="last"
    )
    written = state.fields["advance_date"]
    has_advance = picture.has("advance", taken.number("received") <= state.today_number)
    has_advance |= (
        ~picture.has("advance") & (written != EMPTY) & (written <= state.today_number)
    )
    deal = last["deal"].to_numpy()
    last = last.assign(
        price=state.fields["price"][deal],
        day=last["start"]
        .to_numpy()
        .astype("datetime64[s]")
        .astype("datetime64[D]")
        .astype(np.int64),
    )
    is_known = has_advance[deal] & (last["listed"] != EMPTY) & (last["price"] != EMPTY)
    agreed: pd.DataFrame = last[is_known]
    return agreed


def showings_month(picture: Picture) -> pd.DataFrame:
    """Count different pairs of client and flat among held showings, by month."""
    held = _viewings(picture)
    month = held["at"].to_numpy().astype("datetime64[M]")
    pairs = held.assign(month=month).drop_duplicates(["contact", "unit", "month"])
    counts = pairs.groupby("month").size()
    return pd.DataFrame(
        {
            "month": pd.DatetimeIndex(counts.index).strftime("%Y-%m"),
            "showings_unique": counts.to_numpy(),
        }
    )
