"""Which requests are duplicates: the client had asked before and is not served yet."""

import numpy as np
import pandas as pd

from ingestion.demo.agency import requests as request_life
from ingestion.demo.agency.detail_truth import Picture
from ingestion.demo.agency.model import (
    EMPTY,
    Flags,
    Ints,
    Stage,
    Times,
    day_numbers,
)
from ingestion.demo.agency.state import until

WINDOW_DAYS = 90
SECONDS = 2**34
REFUSED_REQUESTS = (request_life.POOR, request_life.JUNK)
REFUSED_DEALS = (Stage.LOSE, Stage.APOLOGY)


def duplicates(picture: Picture) -> Flags:
    """Say which requests repeat an earlier request or deal that still counts.

    It is the same phone or e-mail, and when the request came the earlier one was open
    or had been refused at most 90 days before. A deal is known by its client and by
    the request it came from. After a won deal a request is a repeat; spam is none.
    """
    requests = picture.known["request"]
    created = requests.fixed["created_at"].to_numpy()
    found = np.zeros(requests.size, dtype=bool)
    asked = _request_keys(picture)
    moment = picture.state.moment
    pairs = asked.merge(asked, on="key", suffixes=("", "_earlier"))
    pairs = pairs[pairs["row_earlier"] < pairs["row"]]
    row, earlier = pairs["row"].to_numpy(), pairs["row_earlier"].to_numpy()
    moves = until(picture.agency.details["request"].edits["state"], moment)
    state, since = _last(
        moves.rename(columns={"record": "owner"}), earlier, created[row]
    )
    is_over = np.isin(state, REFUSED_REQUESTS)
    is_open = ~is_over & ~np.isin(state, [request_life.CONVERTED, request_life.SPAM])
    is_spam = requests.fields["state"][earlier] == request_life.SPAM
    counts = (is_open | (is_over & _is_recent(since, created[row]))) & ~is_spam
    found[row[counts]] = True
    pairs = asked.merge(_deal_keys(picture, asked), on="key", suffixes=("", "_deal"))
    born = picture.state.deals["created_at"].to_numpy()[pairs["row_deal"].to_numpy()]
    pairs = pairs[born < created[pairs["row"].to_numpy()]]
    row, deal = pairs["row"].to_numpy(), pairs["row_deal"].to_numpy()
    moves = until(picture.agency.stage_moves, moment)
    moves = moves.rename(columns={"deal": "owner", "stage": "value"})
    state, since = _last(moves, deal, created[row])
    is_over = np.isin(state, REFUSED_DEALS)
    is_open = ~is_over & (state != Stage.WON)
    counts = is_open | (is_over & _is_recent(since, created[row]))
    found[row[counts]] = True
    return found


def _is_recent(since: Times, at: Times) -> Flags:
    recent: Flags = day_numbers(at) - day_numbers(since) <= WINDOW_DAYS
    return recent


def _request_keys(picture: Picture) -> pd.DataFrame:
    """List phone and e-mail of every request: ``row``, ``key``."""
    requests = picture.known["request"]
    row = np.arange(requests.size)
    phone = picture.agency.leads["phone"].to_numpy()[: requests.size]
    kind, number = requests.number("email_kind"), requests.number("email_number")
    owner = np.where(kind == request_life.OF_CLIENT, "client", "request")
    return _keys(row, phone, owner, np.where(kind == EMPTY, EMPTY, number))


def _deal_keys(picture: Picture, asked: pd.DataFrame) -> pd.DataFrame:
    """List phones and e-mails of every real deal: ``row``, ``key``."""
    row = np.flatnonzero(~picture.state.is_test)
    deals = picture.state.deals.iloc[row]
    contact = deals["contact"].to_numpy()
    clients = picture.agency.contacts.iloc[contact]
    has_email = (clients["email_at"] <= picture.state.moment).to_numpy()
    of_client = _keys(
        row,
        clients["phone"].to_numpy(),
        np.full(row.size, "client"),
        np.where(has_email, contact + 1, EMPTY),
    )
    come = pd.DataFrame({"deal": row, "row": deals["lead"].to_numpy()})
    of_request = come.merge(asked, on="row")[["deal", "key"]]
    both = [of_client, of_request.rename(columns={"deal": "row"})]
    return pd.concat(both, ignore_index=True)


def _keys(
    row: Ints, phone: Ints, owner: "np.typing.NDArray[np.str_]", number: Ints
) -> pd.DataFrame:
    is_filled = number != EMPTY
    address = pd.Series(owner[is_filled]) + pd.Series(number[is_filled]).astype(str)
    by_email = pd.DataFrame({"row": row[is_filled], "key": address})
    by_phone = pd.DataFrame({"row": row, "key": pd.Series(phone).astype(str)})
    return pd.concat([by_phone, by_email], ignore_index=True)


def _last(events: pd.DataFrame, owner: Ints, at: Times) -> tuple[Ints, Times]:
    """Give the last value of each owner at a moment and since when it holds."""
    keys = _places(events["owner"].to_numpy(), events["at"].to_numpy())
    order = np.argsort(keys, kind="stable")
    place = np.searchsorted(keys[order], _places(owner, at), side="right") - 1
    row = order[np.maximum(place, 0)]
    return events["value"].to_numpy()[row], events["at"].to_numpy()[row]


def _places(owner: Ints, at: Times) -> Ints:
    return np.asarray(owner * SECONDS + at.astype("datetime64[s]").astype(np.int64))
