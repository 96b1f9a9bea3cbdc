"""Which requests are duplicates: the client had asked before and is not served yet."""

import numpy as np
import pandas as pd

from ingestion.demo.agency import requests as request_life
from ingestion.demo.agency.detail_truth import Picture
from ingestion.demo.agency.model import EMPTY, Flags, Ints, Stage, Times
from ingestion.demo.agency.state import until

WINDOW = np.timedelta64(90 * 86400, "s")
SECONDS = 2**34
ENDED = (request_life.POOR, request_life.SPAM, request_life.JUNK)
REFUSED = (Stage.LOSE, Stage.APOLOGY)


def duplicates(picture: Picture) -> Flags:
    """Say which requests repeat an earlier request or deal that still counts.

    It is the same phone or e-mail, and when the request came the earlier one was open
    or had been refused within 90 days. After a won deal a request is a repeat.
    """
    requests = picture.known["request"]
    size = requests.size
    created = requests.fixed["created_at"].to_numpy()
    of_requests = _request_keys(picture)
    moves = until(picture.agency.details["request"].edits["state"], _now(picture))
    found = np.zeros(size, dtype=bool)
    pairs = of_requests.merge(of_requests, on="key", suffixes=("", "_earlier"))
    pairs = pairs[pairs["row_earlier"] < pairs["row"]]
    row, earlier = pairs["row"].to_numpy(), pairs["row_earlier"].to_numpy()
    state, since = _last(
        moves.rename(columns={"record": "owner"}), earlier, created[row]
    )
    is_over = np.isin(state, ENDED)
    is_recent = is_over & (since >= created[row] - WINDOW)
    is_open = ~is_over & (state != request_life.CONVERTED)
    found[row[is_open | is_recent]] = True
    pairs = of_requests.merge(_deal_keys(picture), on="key", suffixes=("", "_deal"))
    row, deal = pairs["row"].to_numpy(), pairs["row_deal"].to_numpy()
    born = picture.state.deals["created_at"].to_numpy()[deal]
    row, deal = row[born < created[row]], deal[born < created[row]]
    moves = until(picture.agency.stage_moves, _now(picture))
    renamed = moves.rename(columns={"deal": "owner", "stage": "value"})
    state, since = _last(renamed, deal, created[row])
    is_over = np.isin(state, REFUSED)
    is_recent = is_over & (since >= created[row] - WINDOW)
    is_open = ~is_over & (state != Stage.WON)
    found[row[is_open | is_recent]] = True
    return found


def _now(picture: Picture) -> np.datetime64:
    return picture.state.moment


def _request_keys(picture: Picture) -> pd.DataFrame:
    """List phone and e-mail of every request: ``row``, ``key``."""
    requests = picture.known["request"]
    row = np.arange(requests.size)
    phone = picture.agency.leads["phone"].to_numpy()[: requests.size]
    kind, number = requests.number("email_kind"), requests.number("email_number")
    owner = np.where(kind == request_life.OF_CLIENT, "client", "request")
    return _keys(row, phone, owner, np.where(kind == EMPTY, EMPTY, number))


def _deal_keys(picture: Picture) -> pd.DataFrame:
    """List phone and e-mail of the client of every real deal: ``row``, ``key``."""
    row = np.flatnonzero(~picture.state.is_test)
    contact = picture.state.deals["contact"].to_numpy()[row]
    clients = picture.agency.contacts.iloc[contact]
    has_email = (clients["email_at"] <= _now(picture)).to_numpy()
    owner = np.full(row.size, "client")
    return _keys(
        row,
        clients["phone"].to_numpy(),
        owner,
        np.where(has_email, contact + 1, EMPTY),
    )


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
