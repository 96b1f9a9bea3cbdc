"""The dictionaries of the demo portal: stages, lists, funnels, user fields."""

import json

import numpy as np
import pandas as pd

from ingestion.demo.agency.lists import lists
from ingestion.demo.agency.model import Stage, Texts
from ingestion.demo.portal.labels import agency_user_fields
from ingestion.demo.portal.schema import (
    ENTITIES,
    INVOICE_FUNNEL,
    INVOICE_TYPE,
    SMART_PROCESSES,
    stage_list,
)

FIRST_STATUS_ID = 101
RENT_STAGES = (
    Stage.NEW,
    Stage.MEETING,
    Stage.CONTRACT,
    Stage.SHOWING,
    Stage.WON,
    Stage.LOSE,
    Stage.APOLOGY,
    Stage.PAUSED,
)
COLORS = {"S": "#7BD500", "F": "#FF5752"}
LEAD_SEMANTICS = {"CONVERTED": "S", "JUNK": "F", "POOR": "F", "SPAM": "F"}
ELEMENT_SEMANTICS = {"P": "S", "D": "F", "SUCCESS": "S", "FAIL": "F"}
STAGE_SEMANTICS = {Stage.WON: "S", Stage.LOSE: "F", Stage.APOLOGY: "F"}


def status_rows() -> pd.DataFrame:
    """List stages of the three funnels and the other lists of the portal."""
    content = lists()
    rows: list[tuple[str, str, str, str | None]] = []
    for funnel in range(len(content["funnels"])):
        entity = f"DEAL_STAGE_{funnel}" if funnel else "DEAL_STAGE"
        prefix = f"C{funnel}:" if funnel else ""
        rows += [
            (
                entity,
                prefix + stage.name,
                content["stages"][stage.name],
                STAGE_SEMANTICS.get(stage),
            )
            for stage in _stages_of(funnel)
        ]
    rows += [
        ("STATUS", code, name, LEAD_SEMANTICS.get(code))
        for code, name in content["lead_statuses"].items()
    ]
    for entity, values in (
        ("SOURCE", content["sources"]),
        ("DEAL_TYPE", content["deal_types"]),
        ("CONTACT_TYPE", content["contact_types"]),
    ):
        rows += [(entity, code, name, None) for code, name in values.items()]
    rows += _later_rows()
    frame = pd.DataFrame(
        rows, columns=["ENTITY_ID", "STATUS_ID", "NAME", "SEMANTICS"], dtype=object
    )
    place = frame.groupby("ENTITY_ID").cumcount().to_numpy()
    funnel_id = frame["ENTITY_ID"].str.extract(r"^DEAL_STAGE_(\d+)$")[0]
    frame.insert(0, "ID", np.arange(len(frame)) * 2 + FIRST_STATUS_ID)
    frame["NAME_INIT"] = frame["NAME"]
    frame["SORT"] = (place + 1) * 10
    frame["SYSTEM"] = "N"
    frame["CATEGORY_ID"] = pd.to_numeric(funnel_id).astype("Int64")
    frame["COLOR"] = frame["SEMANTICS"].map(COLORS).fillna("#39A8EF")
    frame["SEMANTICS"] = pd.Series(_or_none(frame["SEMANTICS"]), dtype="object")
    return frame


def category_rows() -> pd.DataFrame:
    """List the three funnels of deals."""
    names = lists()["funnels"]
    return pd.DataFrame(
        {
            "ID": np.arange(len(names)),
            "NAME": np.array(names, dtype=object),
            "SORT": (np.arange(len(names)) + 1) * 100,
            "ENTITY_TYPE_ID": np.full(len(names), 2),
            "IS_DEFAULT": np.array(["Y"] + ["N"] * (len(names) - 1), dtype=object),
        }
    )


def userfield_rows() -> pd.DataFrame:
    """List the agency's own fields, as the portal knows them."""
    fields = agency_user_fields()
    options = [
        json.dumps(
            [{"ID": str(option), "VALUE": value} for option, value in field.options],
            ensure_ascii=False,
        )
        if field.options
        else None
        for field in fields
    ]
    return pd.DataFrame(
        {
            "ENTITY_ID": [ENTITIES[field.entity].code for field in fields],
            "FIELD_NAME": [field.name for field in fields],
            "USER_TYPE_ID": [str(field.kind) for field in fields],
            "MULTIPLE": ["Y" if field.multiple else "N" for field in fields],
            "EDIT_FORM_LABEL": [field.label for field in fields],
            "LIST": options,
        },
        dtype=object,
    )


def _later_rows() -> list[tuple[str, str, str, str | None]]:
    """List what came later: the ids of the known rows stay."""
    content = lists()
    rows: list[tuple[str, str, str, str | None]] = [
        ("STATUS", code, name, LEAD_SEMANTICS.get(code))
        for code, name in content["more_lead_statuses"].items()
    ]
    rows += [
        ("COMPANY_TYPE", code, name, None)
        for code, name in content["company_types"].items()
    ]
    kinds = [(INVOICE_TYPE, INVOICE_FUNNEL, content["invoice_stages"])]
    kinds += [
        (process.type_id, process.number, content["element_stages"])
        for process in SMART_PROCESSES
    ]
    for type_id, funnel, stages in kinds:
        rows += [
            (
                stage_list(type_id, funnel),
                f"DT{type_id}_{funnel}:{code}",
                name,
                ELEMENT_SEMANTICS.get(code),
            )
            for code, name in stages.items()
        ]
    return rows


def _stages_of(funnel: int) -> tuple[Stage, ...]:
    """Give the stages of a funnel; only the oldest one keeps the removed stage."""
    if funnel == 0:
        return tuple(Stage)
    if funnel == 1:
        return tuple(stage for stage in Stage if stage is not Stage.LEGACY)
    return RENT_STAGES


def _or_none(column: pd.Series) -> Texts:
    values: Texts = column.to_numpy(dtype=object).copy()
    values[pd.isna(values)] = None
    return values
