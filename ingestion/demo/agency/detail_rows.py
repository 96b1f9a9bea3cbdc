"""The portal's rows of the detailed records at a moment."""

import json
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pandas as pd

from ingestion.demo.agency.columns import (
    changed_rows,
    chosen_texts,
    day_times,
    filled_numbers,
    make_frame,
    money_texts,
    none_where_empty,
    same_text,
)
from ingestion.demo.agency.companies import CLIENT, OWN
from ingestion.demo.agency.lists import lists, texts
from ingestion.demo.agency.model import EMPTY, NEVER, Agency, Ints, Stage, Texts, Times
from ingestion.demo.agency.records import Known, known_records, moved_at
from ingestion.demo.agency.wording import client_names, object_addresses
from ingestion.demo.portal.labels import labels

SERVICE_SORT = 10
TASK_OPEN, TASK_DONE = 2, 5
WORDS_PER_FORM = 64
INVOICE_STAGES = texts([f"DT31_1:{code}" for code in "NSPD"])


def detail_rows(
    agency: Agency, moment: np.datetime64, start: np.datetime64 | None
) -> Iterator[tuple[str, Ints, Callable[[Ints], pd.DataFrame]]]:
    """Give every kind, its rows (all or those changed after a moment) and the maker."""
    makers: dict[str, tuple[str, Callable[[Agency, Cut], dict[str, object]]]] = {
        "company": ("company", _company),
        "productrow": ("service_line", _service_line),
        "invoice": ("invoice", _invoice),
        "spa_1058": ("advance", _advance),
        "spa_1038": ("unit", _unit),
        "spa_1042": ("reservation", _reservation),
        "spa_1046": ("document", _document),
        "spa_1050": ("expense", _expense),
        "spa_1054": ("partner_share", _partner_share),
        "spa_1062": ("payment", _payment),
        "spa_1066": ("absence", _absence),
        "task": ("task", _task),
    }
    for entity, (kind, make) in makers.items():
        known = known_records(agency.details[kind], moment)
        written = partial(_frame, agency, known, moment, make)
        yield entity, changed_rows(known.modified_at, start), written


def _frame(
    agency: Agency,
    known: Known,
    moment: np.datetime64,
    make: Callable[[Agency, "Cut"], dict[str, object]],
    rows: Ints,
) -> pd.DataFrame:
    cut = Cut(known, rows, moment)
    return make_frame({"ID": cut.rows + 1, **make(agency, cut)})


class Cut:
    """The rows of one kind that are written, and their values."""

    def __init__(self, known: Known, rows: Ints, moment: np.datetime64) -> None:
        self.rows = rows
        self.moment = moment
        self.fixed = known.fixed.iloc[rows]
        self.fields = {name: values[rows] for name, values in known.fields.items()}
        self.modified_at = known.modified_at[rows]

    def __getitem__(self, column: str) -> Ints:
        """Give a column that never changes."""
        return np.asarray(self.fixed[column].to_numpy(), np.int64)

    @property
    def created(self) -> Times:
        """When the rows are created."""
        times: Times = self.fixed["created_at"].to_numpy()
        return times

    def field(self, name: str) -> Ints:
        """Give a field; empty everywhere where nobody ever fills it."""
        return self.fields.get(name, np.full(self.rows.size, EMPTY))


def _element(cut: Cut, title: Texts, *, has_deal: bool = True) -> dict[str, object]:
    """Fields that every element of a smart process has."""
    person = cut["assigned"] if has_deal else cut["employee"]
    columns: dict[str, object] = {
        "TITLE": title,
        "ASSIGNED_BY_ID": person,
        "CREATED_TIME": cut.created,
        "UPDATED_TIME": cut.modified_at,
        "MOVED_TIME": cut.created,
        "LAST_ACTIVITY_TIME": cut.modified_at,
    }
    if has_deal:
        columns["PARENT_ID_2"] = cut["deal"] + 1
    return columns


def _money(amount: Ints) -> dict[str, object]:
    return {
        "OPPORTUNITY": money_texts(amount, ""),
        "CURRENCY_ID": same_text("RUB", amount.size),
    }


def _numbered(title: str, numbers: Ints) -> Texts:
    return np.asarray((title + pd.Series(numbers).astype(str)).to_numpy(dtype=object))


def _option(field: str, position: Ints) -> "pd.Series[int]":
    """Give the portal's id of an option by its place in the list."""
    ids = np.array(list(labels().options[field]), dtype=np.int64)
    return filled_numbers(ids[np.maximum(position, 0)], position != EMPTY)


def _link(prefix: str, position: Ints) -> Texts:
    return none_where_empty(position != EMPTY, _numbered(prefix, position + 1))


def _moments(seconds: Ints) -> Times:
    times = np.maximum(seconds, 0).astype("datetime64[s]")
    return np.where(seconds == EMPTY, NEVER, times)


def _company(_: Agency, cut: Cut) -> dict[str, object]:
    content = lists()
    kind, name = cut["kind"], cut["name"]
    forms, words = texts(content["company_forms"]), texts(content["company_words"])
    form = pd.Series(forms[name % forms.size], dtype=object)
    word = pd.Series(words[name // WORDS_PER_FORM % words.size], dtype=object)
    number = pd.Series(cut.rows + 1).astype(str)
    client = (form + " «" + word + "-" + number + "»").to_numpy(dtype=object)
    named = texts([content["own_company"], *content["partner_agencies"]])
    is_client = kind == CLIENT
    title = np.where(is_client, client, named[np.where(is_client, 0, name + 1)])
    types = texts(["OTHER", "PARTNER", "CUSTOMER"])
    return {
        "TITLE": title,
        "COMPANY_TYPE": types[kind],
        "IS_MY_COMPANY": texts(["N", "Y"])[(kind == OWN).astype(np.int64)],
        "ASSIGNED_BY_ID": cut["assigned"],
        "CREATED_BY_ID": cut["assigned"],
        "MODIFY_BY_ID": cut["assigned"],
        "DATE_CREATE": cut.created,
        "DATE_MODIFY": cut.modified_at,
        "LAST_ACTIVITY_TIME": cut.modified_at,
        "LAST_ACTIVITY_BY": cut["assigned"],
    }


def _service_line(_: Agency, cut: Cut) -> dict[str, object]:
    service = cut["service"]
    return {
        "OWNER_ID": cut["deal"] + 1,
        "OWNER_TYPE": same_text("D", service.size),
        "PRODUCT_NAME": texts(lists()["services"])[service],
        "PRICE": money_texts(cut.field("price"), ""),
        "QUANTITY": np.ones(service.size, dtype=np.int64),
        "DISCOUNT_TYPE_ID": np.ones(service.size, dtype=np.int64),
        "DISCOUNT_SUM": money_texts(cut.field("discount"), ""),
        "MEASURE_NAME": same_text(lists()["measure"], service.size),
        "SORT": (service + 1) * SERVICE_SORT,
    }


def _invoice(agency: Agency, cut: Cut) -> dict[str, object]:
    moved = moved_at(agency.details["invoice"], cut.moment, "state")[cut.rows]
    company = agency.details["deal_link"].fixed["company"].to_numpy()[cut["deal"]]
    contact = agency.deals["contact"].to_numpy()[cut["deal"]]
    columns = _element(cut, _numbered(lists()["invoice_title"], cut.rows + 1))
    # An invoice does not know when somebody last dealt with it.
    del columns["LAST_ACTIVITY_TIME"]
    return columns | {
        "MOVED_TIME": moved,
        "ACCOUNT_NUMBER": _numbered("", cut.rows + 1),
        **_money(cut["amount"]),
        "BEGINDATE": day_times(cut["issued"]),
        "CLOSEDATE": day_times(cut["due"]),
        "STAGE_ID": INVOICE_STAGES[cut.field("state")],
        "COMPANY_ID": filled_numbers(company + 1, company != EMPTY),
        "CONTACT_ID": contact + 1,
        "MYCOMPANY_ID": np.ones(cut.rows.size, dtype=np.int64),
    }


def _advance(_: Agency, cut: Cut) -> dict[str, object]:
    title = _numbered(lists()["advance_title"], cut["deal"] + 1)
    return _element(cut, title) | {
        **_money(cut["amount"]),
        "UF_CRM_7_RECEIVED": day_times(cut["received"]),
        "UF_CRM_7_UNTIL": day_times(cut.field("until")),
        "UF_CRM_7_HOLDER": _option("UF_CRM_7_HOLDER", cut["holder"]),
        "UF_CRM_7_OFFSETS": cut["offsets"],
        "UF_CRM_7_OUTCOME": _option("UF_CRM_7_OUTCOME", cut.field("outcome")),
        "UF_CRM_7_OUTCOME_DATE": day_times(cut.field("outcome_date")),
        "UF_CRM_7_PARENT": _link("T422_", cut["parent"]),
    }


def _unit(agency: Agency, cut: Cut) -> dict[str, object]:
    deals = agency.deals.iloc[cut["deal"]]
    is_listing = cut["is_listing"] == 1
    lot = _numbered(lists()["lot"], cut.rows + 1)
    area = pd.Series(cut["area"])
    written = (area // 10).astype(str) + "." + (area % 10).astype(str)
    return _element(cut, object_addresses(deals)) | {
        **_money(cut["price"]),
        "UF_CRM_12_STATUS": _option("UF_CRM_12_STATUS", cut.field("state")),
        "UF_CRM_12_LOT": none_where_empty(~is_listing, lot),
        "UF_CRM_12_AREA": written.to_numpy(dtype=object),
    }


def _reservation(_: Agency, cut: Cut) -> dict[str, object]:
    title = _numbered(lists()["reservation_title"], cut["deal"] + 1)
    return _element(cut, title) | {
        "UF_CRM_8_UNIT": _link("T40e_", cut["unit"]),
        "UF_CRM_8_KIND": _option("UF_CRM_8_KIND", cut["kind"]),
        "UF_CRM_8_FROM": _moments(cut["start"]),
        "UF_CRM_8_UNTIL": _moments(cut.field("until")),
        "UF_CRM_8_RELEASED": _moments(cut.field("released")),
        "UF_CRM_8_REASON": chosen_texts(
            texts(lists()["release_reasons"]), cut.field("reason")
        ),
        "UF_CRM_8_LIST_PRICE": money_texts(cut["price"], "|RUB"),
    }


def contract_numbers(deals: pd.DataFrame) -> Texts:
    """Write the true contract numbers of deals; ``None`` where there is none."""
    prefix = texts(lists()["contract_prefixes"])[deals["deal_type"].to_numpy()]
    year = deals["number_year"].astype(str).reset_index(drop=True)
    number = deals["number"].astype(str).str.zfill(5).reset_index(drop=True)
    written = (pd.Series(prefix, dtype=object) + "-" + year + "/" + number).to_numpy()
    return none_where_empty(deals["number"].to_numpy() > 0, written)


def _document(agency: Agency, cut: Cut) -> dict[str, object]:
    content = lists()
    deals = agency.deals.iloc[cut["deal"]]
    kind = cut["kind"]
    number = pd.Series(contract_numbers(deals), dtype=object)
    has_number = number.notna().to_numpy(dtype=bool)
    tail = texts(content["document_tails"])[kind]
    running = np.where(kind == 0, "", pd.Series(cut["running"]).astype(str))
    full = number.fillna("") + pd.Series(tail) + pd.Series(running, dtype=object)
    written = full.to_numpy(dtype=object)
    title = pd.Series(texts(content["documents"])[kind]) + pd.Series(written)
    names = client_names(agency.contacts.iloc[deals["contact"].to_numpy()])
    client = pd.Series(names["LAST_NAME"]) + " " + pd.Series(names["NAME"])
    director = json.dumps(" ".join(content["fixed_people"][0][:2]), ensure_ascii=False)
    both = '["' + client + '",' + director + "]"
    one = '["' + client + '"]'
    return _element(cut, title.to_numpy(dtype=object)) | {
        "UF_CRM_9_KIND": _option("UF_CRM_9_KIND", kind),
        "UF_CRM_9_NUMBER": none_where_empty(has_number, written),
        "UF_CRM_9_STATUS": _option("UF_CRM_9_STATUS", cut.field("state")),
        "UF_CRM_9_SIGNED": day_times(cut.field("signed")),
        "UF_CRM_9_VALID_UNTIL": day_times(cut.field("valid_until")),
        "UF_CRM_9_TERMINATED": day_times(cut.field("terminated")),
        "UF_CRM_9_TERMINATED_REASON": chosen_texts(
            texts(content["terminations"]), cut.field("terminated_reason")
        ),
        "UF_CRM_9_EXCLUSIVE": np.maximum(cut.field("exclusive"), 0),
        "UF_CRM_9_SIGNATORY": np.where(
            cut["signatories"] == 1, one.to_numpy(object), both.to_numpy(object)
        ),
    }


def _expense(_: Agency, cut: Cut) -> dict[str, object]:
    title = _numbered(lists()["expense_title"], cut["deal"] + 1)
    number = cut["document"]
    papers = pd.Series(texts(lists()["expense_documents"])[number % 2], dtype=object)
    document = (papers + pd.Series(number).astype(str)).to_numpy(dtype=object)
    return _element(cut, title) | {
        **_money(cut["amount"]),
        "UF_CRM_10_ARTICLE": _option("UF_CRM_10_ARTICLE", cut["article"]),
        "UF_CRM_10_INCURRED": day_times(cut["incurred"]),
        "UF_CRM_10_PAID": day_times(cut.field("paid")),
        "UF_CRM_10_PAYER": _option("UF_CRM_10_PAYER", cut["payer"]),
        "UF_CRM_10_DOCUMENT": document,
    }


def _partner_share(_: Agency, cut: Cut) -> dict[str, object]:
    title = _numbered(lists()["share_title"], cut["deal"] + 1)
    percent = cut["percent"]
    return _element(cut, title) | {
        **_money(cut["amount"]),
        "UF_CRM_11_PARTNER": _link("CO_", cut["partner"]),
        "UF_CRM_11_PERCENT": none_where_empty(percent != EMPTY, _numbered("", percent)),
        "UF_CRM_11_BASE": _option("UF_CRM_11_BASE", cut["base"]),
        "UF_CRM_11_DUE": day_times(cut.field("due")),
        "UF_CRM_11_PAID": day_times(cut.field("paid")),
    }


def _payment(_: Agency, cut: Cut) -> dict[str, object]:
    title = _numbered(lists()["payment_title"], cut["deal"] + 1)
    return _element(cut, title) | {
        **_money(cut["amount"]),
        "UF_CRM_13_DATE": day_times(cut["day"]),
        "UF_CRM_13_DIRECTION": _option("UF_CRM_13_DIRECTION", cut["direction"]),
        "UF_CRM_13_INVOICE": _link("SI_", cut.field("invoice")),
        "UF_CRM_13_PURPOSE": texts(lists()["payment_purposes"])[cut["purpose"]],
    }


def _absence(_: Agency, cut: Cut) -> dict[str, object]:
    title = _numbered(lists()["absence_title"], cut["employee"])
    return _element(cut, title, has_deal=False) | {
        "UF_CRM_14_EMPLOYEE": cut["employee"],
        "UF_CRM_14_KIND": _option("UF_CRM_14_KIND", cut["kind"]),
        "UF_CRM_14_FROM": day_times(cut["first_day"]),
        "UF_CRM_14_UNTIL": day_times(cut["last_day"]),
    }


def _task(_: Agency, cut: Cut) -> dict[str, object]:
    names = lists()["tasks"]
    titles = texts([names.get(stage.name, "") for stage in Stage])
    closed = cut.field("closed")
    status = np.where(closed == EMPTY, TASK_OPEN, TASK_DONE)
    deal = pd.Series(cut["deal"] + 1).astype(str)
    person = cut["assigned"]
    return {
        "TITLE": titles[cut["stage"]],
        "STATUS": status,
        "RESPONSIBLE_ID": person,
        "CREATED_BY": person,
        "CHANGED_BY": person,
        "STATUS_CHANGED_BY": person,
        "CLOSED_BY": np.where(closed == EMPTY, 0, person),
        "CREATED_DATE": cut.created,
        "CHANGED_DATE": cut.modified_at,
        "ACTIVITY_DATE": cut.modified_at,
        "CLOSED_DATE": _moments(closed),
        "DEADLINE": _moments(cut["deadline"]),
        "UF_CRM_TASK": ('["D_' + deal + '"]').to_numpy(dtype=object),
    }
