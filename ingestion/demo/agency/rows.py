"""The rows of the demo portal at a moment.

``typed_parts`` gives columns as the store takes them fastest (whole numbers, local
times, texts), so many rows at once as are asked for; ``portal_rows`` gives the same
rows as the old list methods answer.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

import numpy as np
import pandas as pd

from ingestion.demo.agency.cards import OWNER_BASE
from ingestion.demo.agency.columns import (
    changed_rows,
    chosen_texts,
    day_times,
    filled_numbers,
    flag_texts,
    make_frame,
    money_texts,
    none_where_empty,
    same_text,
)
from ingestion.demo.agency.detail_rows import detail_rows
from ingestion.demo.agency.dictionaries import (
    category_rows,
    status_rows,
    userfield_rows,
)
from ingestion.demo.agency.lists import (
    REFUSAL_REASONS,
    SOURCES,
    lists,
    texts,
)
from ingestion.demo.agency.model import (
    EMPTY,
    NEVER,
    ActivityKind,
    Agency,
    DealType,
    Flags,
    Ints,
    Stage,
    Texts,
    Times,
    local_moment,
)
from ingestion.demo.agency.moves import plans
from ingestion.demo.agency.records import Known, known_records, moved_at
from ingestion.demo.agency.requests import (
    CONVERTED,
    OF_CLIENT,
    OF_EARLIER,
    OF_REQUEST,
    STATES,
)
from ingestion.demo.agency.state import (
    State,
    checked_moment,
    count_until,
    state_at,
    until,
)
from ingestion.demo.agency.wording import (
    client_names,
    object_addresses,
    object_places,
)
from ingestion.demo.portal.schema import SMART_PROCESSES, Kind

PREFIXES = ("", "C1:", "C2:")
DAY = np.timedelta64(86400, "s")
PLAN_DAYS = 90
LEAD_STATUSES = texts(list(STATES))
LEAD_SEMANTICS = texts(list(STATES.values()))
LEAD_NEW = 0
EMAIL_NAMES = {OF_REQUEST: "request", OF_EARLIER: "Request", OF_CLIENT: "Client"}
DATE_FIELDS = frozenset(
    {
        "BEGINDATE",
        "CLOSEDATE",
        "DATE_REGISTER",
        "UF_CRM_CONTRACT_DATE",
        "UF_CRM_ADVANCE_DATE",
        "UF_CRM_ADVANCE_UNTIL",
        "UF_CRM_SETTLEMENT_PLAN_DATE",
        "UF_CRM_SETTLEMENT_DATE",
        "UF_CRM_PAUSED_UNTIL",
    }
    | {
        f"UF_CRM_{process.number}_{own}"
        for process in SMART_PROCESSES
        for own, kind in process.user_fields.items()
        if kind is Kind.DATE
    }
)
MONEY_FIELDS = {
    "commission": "UF_CRM_COMMISSION",
    "partner_share": "UF_CRM_PARTNER_SHARE",
    "expenses": "UF_CRM_EXPENSES",
    "paid": "UF_CRM_PAID",
    "advance_amount": "UF_CRM_ADVANCE_AMOUNT",
}
DAY_FIELDS = {
    "contract_date": "UF_CRM_CONTRACT_DATE",
    "advance_date": "UF_CRM_ADVANCE_DATE",
    "advance_until": "UF_CRM_ADVANCE_UNTIL",
    "settlement_plan_date": "UF_CRM_SETTLEMENT_PLAN_DATE",
    "settlement_date": "UF_CRM_SETTLEMENT_DATE",
}
PERSON_FIELDS = {
    "lead_handler": "UF_CRM_LEAD_HANDLER",
    "meeting_host": "UF_CRM_MEETING_HOST",
    "contract_owner": "UF_CRM_CONTRACT_OWNER",
    "showing_host": "UF_CRM_SHOWING_HOST",
    "advance_owner": "UF_CRM_ADVANCE_OWNER",
    "lawyer": "UF_CRM_LAWYER",
    "mortgage_broker": "UF_CRM_MORTGAGE_BROKER",
}

Rows = dict[str, pd.DataFrame]
Make = Callable[[Ints], pd.DataFrame]
# Which rows are written, by position, and what makes some of them.
Chosen = tuple[Ints, Make]
Selection = tuple[str, Ints, Make]


def portal_rows(agency: Agency, as_of: datetime) -> Rows:
    """Give the rows of every entity as the portal answers them at a moment.

    Args:
        agency: The simulated life.
        as_of: The moment; aware.

    Returns:
        Entity -> rows by ``ID``; columns are API names, values texts or ``None``.
        Arrays (owners, departments, phones) are JSON texts. ``DATE_MODIFY`` is the
        time of the last event that changed the row.
    """
    rows = dict(typed_parts(agency, as_of))
    rows["userfield"] = userfield_rows()
    return {entity: _as_texts(frame) for entity, frame in rows.items()}


def typed_parts(
    agency: Agency,
    as_of: datetime,
    since: datetime | None = None,
    *,
    size: int | None = None,
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Give the same rows in typed columns, all or only those changed after a moment.

    Args:
        agency: The simulated life.
        as_of: The moment; aware.
        since: An earlier moment: rows that are the same at both are left out.
        size: Rows of a part; each entity comes in one part when omitted.

    Yields:
        Entity and rows; the parts of an entity follow each other, and an entity
        without rows has one empty part.
    """
    moment = checked_moment(agency, as_of)
    start = None if since is None else local_moment(since)
    if start is None:
        yield "status", status_rows()
        yield "category", category_rows()
        yield "department", _departments(agency)
    for entity, rows, make in _selections(agency, as_of, moment, start):
        step = size or max(rows.size, 1)
        for first in range(0, max(rows.size, 1), step):
            yield entity, make(rows[first : first + step])


def _selections(
    agency: Agency, as_of: datetime, moment: np.datetime64, start: np.datetime64 | None
) -> Iterator[Selection]:
    """Give the kinds of rows one by one: what one needs is not held for the next."""
    yield "user", *_users(agency, moment, start)
    yield "contact", *_contacts(agency, moment, start)
    yield "lead", *_leads(agency, moment, start)
    yield "lead_stagehistory", *_lead_history(agency, moment, start)
    yield "deal", *_deals(agency, state_at(agency, as_of), start)
    yield "stagehistory", *_history(agency, moment, start)
    yield "activity", *_activities(agency, moment, start)
    yield from detail_rows(agency, moment, start)


def _deals(agency: Agency, state: State, start: np.datetime64 | None) -> Chosen:
    rows = changed_rows(state.modified_at, start)
    return rows, lambda rows: _deal_rows(agency, state, rows)


def _deal_rows(agency: Agency, state: State, rows: Ints) -> pd.DataFrame:
    deals = state.deals.iloc[rows]
    fields = {field: values[rows] for field, values in state.fields.items()}
    stage = state.stage[rows]
    created, modified = deals["created_at"].to_numpy(), state.modified_at[rows]
    is_closed = np.isin(stage, [Stage.WON, Stage.LOSE, Stage.APOLOGY])
    moved_at = state.moved_at[rows]
    close = np.where(is_closed, moved_at, created + PLAN_DAYS * DAY)
    assigned, lead = fields["assigned"], deals["lead"].to_numpy()
    links = agency.details["deal_link"].fixed.iloc[rows]
    company, parent = links["company"].to_numpy(), links["parent"].to_numpy()
    active_at = state.active_at[rows]
    columns: dict[str, object] = {
        "ID": rows + 1,
        "TITLE": _titles(deals),
        "TYPE_ID": texts([kind.name for kind in DealType])[deals["deal_type"]],
        "CATEGORY_ID": deals["funnel"].to_numpy(),
        "STAGE_ID": _stage_ids(deals["funnel"].to_numpy(), stage),
        "STAGE_SEMANTIC_ID": _semantics(stage),
        "CLOSED": flag_texts(is_closed),
        "IS_NEW": flag_texts(stage == Stage.NEW),
        "CURRENCY_ID": same_text("RUB", rows.size),
        "OPPORTUNITY": money_texts(fields["price"], ""),
        "IS_MANUAL_OPPORTUNITY": flag_texts(fields["price"] != EMPTY),
        "LEAD_ID": filled_numbers(lead + 1, lead >= 0),
        "CONTACT_ID": deals["contact"].to_numpy() + 1,
        "COMPANY_ID": filled_numbers(company + 1, company != EMPTY),
        "BEGINDATE": created.astype("datetime64[D]").astype("datetime64[s]"),
        "CLOSEDATE": close.astype("datetime64[D]").astype("datetime64[s]"),
        "ASSIGNED_BY_ID": assigned,
        "CREATED_BY_ID": deals["creator"].to_numpy(),
        "MODIFY_BY_ID": assigned,
        "MOVED_BY_ID": assigned,
        "DATE_CREATE": created,
        "DATE_MODIFY": modified,
        "MOVED_TIME": moved_at,
        "LAST_ACTIVITY_TIME": np.where(np.isnat(active_at), created, active_at),
        "LAST_ACTIVITY_BY": assigned,
        "IS_RETURN_CUSTOMER": flag_texts(deals["is_return"].to_numpy() == 1),
        "SOURCE_ID": chosen_texts(texts(list(SOURCES)), fields["source"]),
    }
    columns |= _user_fields(state, rows, deals, fields)
    has_contract = fields["contract_number"] != EMPTY
    own = same_text(lists()["own_company"], rows.size)
    columns |= {
        "UF_CRM_IS_VOID": np.zeros(rows.size, dtype=np.int64),
        "UF_CRM_PARENT_DEAL": filled_numbers(parent + 1, parent != EMPTY),
        "UF_CRM_LEGAL_ENTITY": none_where_empty(has_contract, own),
        "UF_CRM_OWNER_WEIGHT": _weights(
            fields["deal_owner"], links["weight"].to_numpy()
        ),
    }
    return make_frame(columns)


def _user_fields(
    state: State, rows: Ints, deals: pd.DataFrame, fields: dict[str, Ints]
) -> dict[str, object]:
    content = lists()
    reason = fields["refusal_reason"]
    reasons = np.array(REFUSAL_REASONS)[np.maximum(reason, 0)]
    is_placed = fields["address"] != EMPTY
    prefixes = texts(content["contract_prefixes"])
    columns: dict[str, object] = {
        name: money_texts(fields[field], "|RUB") for field, name in MONEY_FIELDS.items()
    }
    columns |= {name: day_times(fields[field]) for field, name in DAY_FIELDS.items()}
    columns |= {
        name: filled_numbers(fields[field], fields[field] != EMPTY)
        for field, name in PERSON_FIELDS.items()
    }
    return columns | {
        "UF_CRM_CONTRACT_NUMBER": state.contract_numbers(prefixes, rows),
        "UF_CRM_REFUSAL_REASON": filled_numbers(reasons, reason != EMPTY),
        "UF_CRM_REFUSAL_COMMENT": chosen_texts(
            texts(content["refusal_comments"]), fields["refusal_comment"]
        ),
        "UF_CRM_SETTLEMENT_REASON": chosen_texts(
            texts(content["settlement_reasons"]), fields["settlement_reason"]
        ),
        "UF_CRM_OBJECT_ADDRESS": none_where_empty(is_placed, object_addresses(deals)),
        "UF_CRM_DEAL_OWNER": _owners(fields["deal_owner"]),
        "UF_CRM_PARTNER_AGENCY": chosen_texts(
            texts(content["partner_agencies"]), fields["partner_agency"]
        ),
        "UF_CRM_IS_TEST": deals["is_test"].to_numpy().astype(np.int64),
    }


def _history(
    agency: Agency, moment: np.datetime64, start: np.datetime64 | None
) -> Chosen:
    last = count_until(agency.stage_moves["at"], moment)
    first = 0 if start is None else count_until(agency.stage_moves["at"], start)
    return np.arange(first, last), lambda rows: _history_rows(agency, rows)


def _history_rows(agency: Agency, rows: Ints) -> pd.DataFrame:
    moves = agency.stage_moves.iloc[rows]
    deal, stage = moves["deal"].to_numpy(), moves["stage"].to_numpy()
    at = moves["at"].to_numpy()
    funnel = agency.deals["funnel"].to_numpy()[deal]
    semantics = _semantics(stage)
    is_created = at == agency.deals["created_at"].to_numpy()[deal]
    step = np.where(is_created, 1, np.where(semantics == "P", 2, 3))
    return make_frame(
        {
            "ID": rows + 1,
            "TYPE_ID": step,
            "OWNER_ID": deal + 1,
            "CREATED_TIME": at,
            "CATEGORY_ID": funnel,
            "STAGE_SEMANTIC_ID": semantics,
            "STAGE_ID": _stage_ids(funnel, stage),
        }
    )


def _activities(
    agency: Agency, moment: np.datetime64, start: np.datetime64 | None
) -> Chosen:
    size = count_until(agency.activities["created_at"], moment)
    completed = agency.activities["completed_at"].to_numpy()[:size]
    created = agency.activities["created_at"].to_numpy()[:size]
    planned, moved_at = plans(agency, moment)
    modified = np.where(completed <= moment, completed, np.fmax(created, moved_at))
    rows = changed_rows(modified, start)
    return rows, lambda rows: _activity_rows(
        agency, rows, moment=moment, planned=planned[rows], modified=modified[rows]
    )


def _activity_rows(
    agency: Agency,
    rows: Ints,
    *,
    moment: np.datetime64,
    planned: Times,
    modified: Times,
) -> pd.DataFrame:
    known = agency.activities.iloc[rows]
    is_held = known["completed_at"].to_numpy() <= moment
    kind, host = known["kind"].to_numpy(), known["host"].to_numpy() + 1
    begin, end = known["start"].to_numpy(), known["end"].to_numpy()
    begins = np.where(is_held, begin, planned)
    ends = np.where(is_held, end, planned + (end - begin))
    subjects = texts([lists()["subjects"][one.name] for one in ActivityKind])
    unit = agency.details["viewing"].fixed["unit"].to_numpy()[rows]
    return make_frame(
        {
            "ID": rows + 1,
            "OWNER_TYPE_ID": np.full(rows.size, 2),
            "OWNER_ID": known["deal"].to_numpy() + 1,
            "TYPE_ID": np.array([1, 6, 2])[kind],
            "PROVIDER_ID": texts(["CRM_MEETING", "CRM_TODO", "VOXIMPLANT_CALL"])[kind],
            "PROVIDER_TYPE_ID": texts(["MEETING", "SHOWING", "CALL"])[kind],
            "ASSOCIATED_ENTITY_ID": np.where(unit == EMPTY, 0, unit + 1),
            "SUBJECT": subjects[kind],
            "DIRECTION": np.where(kind == ActivityKind.CALL, 2, 0),
            "COMPLETED": flag_texts(is_held),
            "STATUS": np.where(is_held, 2, 1),
            "RESPONSIBLE_ID": host,
            "AUTHOR_ID": host,
            "EDITOR_ID": host,
            "CREATED": known["created_at"].to_numpy(),
            "LAST_UPDATED": modified,
            "START_TIME": begins,
            "END_TIME": ends,
            "DEADLINE": ends,
        }
    )


def _contacts(
    agency: Agency, moment: np.datetime64, start: np.datetime64 | None
) -> Chosen:
    size = count_until(agency.contacts["created_at"], moment)
    created = agency.contacts["created_at"].to_numpy()[:size]
    email_at = agency.contacts["email_at"].to_numpy()[:size]
    modified = np.where(email_at <= moment, email_at, created)
    company = _contact_companies(agency)
    rows = changed_rows(modified, start)
    return rows, lambda rows: _contact_rows(agency, moment, company, rows)


def _contact_rows(
    agency: Agency, moment: np.datetime64, companies: Ints, rows: Ints
) -> pd.DataFrame:
    known = agency.contacts.iloc[rows]
    created, email_at = known["created_at"].to_numpy(), known["email_at"].to_numpy()
    has_email = email_at <= moment
    modified = np.where(has_email, email_at, created)
    assigned = known["assigned"].to_numpy()
    company = companies[rows]
    names = pd.Series(rows + 1).astype(str)
    address = ("client" + names + "@example.test").to_numpy(dtype=object)
    return make_frame(
        {
            "ID": rows + 1,
            **client_names(known),
            "TYPE_ID": np.where(known["is_owner"] == 1, "UC_OWNER", "CLIENT"),
            "SOURCE_ID": texts(list(SOURCES))[known["source"]],
            "COMPANY_ID": filled_numbers(company + 1, company != EMPTY),
            "ASSIGNED_BY_ID": assigned,
            "CREATED_BY_ID": assigned,
            "MODIFY_BY_ID": assigned,
            "DATE_CREATE": created,
            "DATE_MODIFY": modified,
            "LAST_ACTIVITY_TIME": modified,
            "LAST_ACTIVITY_BY": assigned,
            "HAS_PHONE": same_text("Y", rows.size),
            "HAS_EMAIL": flag_texts(has_email),
            "PHONE": _multifield(2 * rows + 1001, _phones(known), "PHONE"),
            "EMAIL": none_where_empty(
                has_email, _multifield(2 * rows + 1002, address, "EMAIL")
            ),
        }
    )


def _contact_companies(agency: Agency) -> Ints:
    """Give the company each contact speaks for, where it is as old as the contact."""
    company = agency.details["deal_link"].fixed["company"].to_numpy()
    contact = agency.deals["contact"].to_numpy()
    founded = agency.details["company"].fixed["created_at"].to_numpy()
    met = agency.contacts["created_at"].to_numpy()[contact]
    is_known = (company != EMPTY) & (founded[np.maximum(company, 0)] <= met)
    deal = np.flatnonzero(is_known)[::-1]
    found = np.full(len(agency.contacts), EMPTY)
    # The first deal of a contact comes last, so it stays.
    found[contact[deal]] = company[deal]
    return found


def _leads(
    agency: Agency, moment: np.datetime64, start: np.datetime64 | None
) -> Chosen:
    requests = known_records(agency.details["request"], moment)
    moved = moved_at(agency.details["request"], moment, "state")
    rows = changed_rows(requests.modified_at, start)
    return rows, lambda rows: _lead_rows(agency, requests, moved, rows)


def _lead_rows(
    agency: Agency, requests: Known, moves: Times, rows: Ints
) -> pd.DataFrame:
    known, modified = agency.leads.iloc[rows], requests.modified_at[rows]
    fields = {field: values[rows] for field, values in requests.fields.items()}
    moved = moves[rows]
    status, contact = fields["state"], known["contact"].to_numpy()
    is_done = LEAD_SEMANTICS[status] != "P"
    assigned = known["assigned"].to_numpy()
    numbers = pd.Series(rows + 1).astype(str)
    titles = (lists()["titles"]["LEAD"] + numbers).to_numpy(dtype=object)
    return make_frame(
        {
            "ID": rows + 1,
            "TITLE": titles,
            **client_names(known),
            "CONTACT_ID": filled_numbers(contact + 1, status == CONVERTED),
            "SOURCE_ID": texts(list(SOURCES))[known["source"]],
            "STATUS_ID": LEAD_STATUSES[status],
            "STATUS_SEMANTIC_ID": LEAD_SEMANTICS[status],
            "ASSIGNED_BY_ID": assigned,
            "CREATED_BY_ID": assigned,
            "MODIFY_BY_ID": assigned,
            "DATE_CREATE": known["created_at"].to_numpy(),
            "DATE_MODIFY": modified,
            "DATE_CLOSED": np.where(is_done, moved, NEVER),
            "MOVED_TIME": moved,
            "MOVED_BY_ID": assigned,
            "LAST_ACTIVITY_TIME": modified,
            "LAST_ACTIVITY_BY": assigned,
            "HAS_PHONE": same_text("Y", rows.size),
            "PHONE": _multifield(2 * rows + 500_000_001, _phones(known), "PHONE"),
            **_request_emails(requests.fixed.iloc[rows], rows),
            "UF_CRM_PAUSE_REASON": chosen_texts(
                texts(lists()["pause_reasons"]), fields["pause_reason"]
            ),
            "UF_CRM_PAUSED_UNTIL": day_times(fields["paused_until"]),
            "UF_CRM_ESTIMATE": money_texts(fields["estimate"], "|RUB"),
        }
    )


def _request_emails(fixed: pd.DataFrame, rows: Ints) -> dict[str, object]:
    """Write the addresses of requests; one that was seen before has capitals."""
    kind = fixed["email_kind"].to_numpy()
    has_email = kind != EMPTY
    names = texts([EMAIL_NAMES[one] for one in sorted(EMAIL_NAMES)])
    number = fixed["email_number"].astype(str).reset_index(drop=True)
    address = pd.Series(names[np.maximum(kind, 0)]) + number + "@example.test"
    written = _multifield(2 * rows + 500_000_002, address.to_numpy(object), "EMAIL")
    return {
        "HAS_EMAIL": flag_texts(has_email),
        "EMAIL": none_where_empty(has_email, written),
    }


def _lead_history(
    agency: Agency, moment: np.datetime64, start: np.datetime64 | None
) -> Chosen:
    moves = agency.details["request"].edits["state"]
    first = 0 if start is None else count_until(moves["at"], start)
    last = count_until(moves["at"], moment)
    return np.arange(first, last), lambda rows: _lead_history_rows(moves, rows)


def _lead_history_rows(history: pd.DataFrame, rows: Ints) -> pd.DataFrame:
    moves = history.iloc[rows]
    status = moves["value"].to_numpy()
    semantics = LEAD_SEMANTICS[status]
    step = np.where(semantics == "P", 2, 3)
    return make_frame(
        {
            "ID": rows + 1,
            "TYPE_ID": np.where(status == LEAD_NEW, 1, step),
            "OWNER_ID": moves["record"].to_numpy() + 1,
            "CREATED_TIME": moves["at"].to_numpy(),
            "STATUS_SEMANTIC_ID": semantics,
            "STATUS_ID": LEAD_STATUSES[status],
        }
    )


def _users(
    agency: Agency, moment: np.datetime64, start: np.datetime64 | None
) -> Chosen:
    hired = agency.employees["hired_at"].to_numpy()
    dismissed = agency.employees["dismissed_at"].to_numpy()
    members = until(agency.memberships, moment)
    person = members["employee_id"].to_numpy() - 1
    department = np.zeros(hired.size, dtype=np.int64)
    department[person] = members["department"].to_numpy()
    modified = hired.copy()
    modified[person] = members["at"].to_numpy()
    is_active = ~(dismissed <= moment)
    modified = np.where(is_active, modified, dismissed)
    is_known = hired <= moment
    rows = np.flatnonzero(
        is_known & np.isin(np.arange(hired.size), changed_rows(modified, start))
    )
    return rows, lambda rows: _user_rows(agency, department, is_active, rows)


def _user_rows(
    agency: Agency, department: Ints, is_active: Flags, rows: Ints
) -> pd.DataFrame:
    known = agency.employees.iloc[rows]
    hired = known["hired_at"].to_numpy()
    number = pd.Series(rows + 1).astype(str)
    brackets = "[" + pd.Series(department[rows]).astype(str) + "]"
    mobile = "+7000000" + number.str.zfill(4)
    email = "employee" + number + "@vector.example.test"
    return make_frame(
        {
            "ID": rows + 1,
            "ACTIVE": is_active[rows].astype(np.int64),
            "NAME": known["name"].to_numpy(dtype=object),
            "LAST_NAME": known["last_name"].to_numpy(dtype=object),
            "SECOND_NAME": known["second_name"].to_numpy(dtype=object),
            "EMAIL": email.to_numpy(dtype=object),
            "DATE_REGISTER": hired.astype("datetime64[D]").astype("datetime64[s]"),
            "PERSONAL_MOBILE": mobile.to_numpy(dtype=object),
            "WORK_POSITION": known["position"].to_numpy(dtype=object),
            "UF_DEPARTMENT": brackets.to_numpy(dtype=object),
            "UF_PHONE_INNER": (rows + 101).astype(str).astype(object),
        }
    )


def _departments(agency: Agency) -> pd.DataFrame:
    table = agency.departments
    parent = table["parent_id"].to_numpy()
    return make_frame(
        {
            "ID": table["department_id"].to_numpy(),
            "NAME": table["name"].to_numpy(dtype=object),
            "SORT": np.arange(len(table)) * 10 + 100,
            "PARENT": filled_numbers(parent, parent > 0),
            "UF_HEAD": table["head_id"].to_numpy(),
        }
    )


def _phones(known: pd.DataFrame) -> Texts:
    digits = known["phone"].astype(str).str.zfill(7)
    return ("+7000" + digits).to_numpy(dtype=object)


def _multifield(ids: Ints, values: Texts, kind: str) -> Texts:
    """Write one phone or e-mail as the API's array of objects."""
    written = (
        '[{"ID":"'
        + pd.Series(ids).astype(str)
        + '","VALUE_TYPE":"MOBILE","VALUE":"'
        + pd.Series(values, dtype=object).astype(str)
        + f'","TYPE_ID":"{kind}"}}]'
    )
    return written.to_numpy(dtype=object)


def _titles(deals: pd.DataFrame) -> Texts:
    content = lists()
    kinds = texts([content["titles"][kind.name] for kind in DealType])
    head = kinds[deals["deal_type"].to_numpy()]
    is_test = deals["is_test"].to_numpy()
    head = np.where(is_test, content["titles"]["TEST"] + head, head)
    written = pd.Series(head, dtype=object) + pd.Series(
        object_places(deals), dtype=object
    )
    return written.to_numpy(dtype=object)


def _owners(owners: Ints) -> Texts:
    first = pd.Series(owners % OWNER_BASE).astype(str)
    second = pd.Series(owners // OWNER_BASE).astype(str)
    single = "[" + first + "]"
    pair = "[" + first + "," + second + "]"
    written = np.where(
        owners >= OWNER_BASE, pair.to_numpy(dtype=object), single.to_numpy(dtype=object)
    )
    return none_where_empty(owners != EMPTY, written)


def _weights(owners: Ints, weight: Ints) -> Texts:
    one = pd.Series(weight).astype(str)
    # A field of several numbers keeps them as texts.
    written = ('["' + one + '","' + one + '"]').to_numpy(dtype=object)
    return none_where_empty((owners >= OWNER_BASE) & (weight != EMPTY), written)


def _stage_ids(funnel: Ints, stage: Ints) -> Texts:
    table = np.array(
        [[prefix + one.name for one in Stage] for prefix in PREFIXES], dtype=object
    )
    return table[funnel, stage]


def _semantics(stage: Ints) -> Texts:
    table = texts(["P"] * len(Stage))
    table[Stage.WON] = "S"
    table[[Stage.LOSE, Stage.APOLOGY]] = "F"
    return table[stage]


def _as_texts(frame: pd.DataFrame) -> pd.DataFrame:
    """Turn typed columns into the texts of the old list methods."""
    return make_frame(
        {
            name: pd.Series(_column_texts(name, frame[name]), dtype=object)
            for name in frame.columns
        }
    )


def _column_texts(name: str, column: pd.Series) -> Texts:
    if column.dtype.kind == "M":
        times = column.to_numpy().astype("datetime64[s]")
        unit, tail = (
            ("D", "T03:00:00+03:00") if name in DATE_FIELDS else ("s", "+03:00")
        )
        written = np.datetime_as_string(times.astype(f"datetime64[{unit}]"))
        full = np.char.add(written, tail).astype(object)
        return none_where_empty(~np.isnat(times), full)
    if column.dtype.kind in "iu":
        is_empty = column.isna().to_numpy(dtype=bool)
        filled = column.fillna(0).astype(np.int64).astype(str).to_numpy(dtype=object)
        return none_where_empty(~is_empty, filled)
    return column.to_numpy(dtype=object)
