"""Names of clients and addresses of objects, written out."""

import numpy as np
import pandas as pd

from ingestion.demo.agency.lists import lists, surnames, texts
from ingestion.demo.agency.model import DealType, Texts


def client_names(known: pd.DataFrame) -> dict[str, Texts]:
    """Write the three parts of the names of people."""
    content = lists()
    is_female = known["is_female"].to_numpy() == 1
    first, second = content["first_names"], content["patronymics"]
    name, patronymic = known["name"].to_numpy(), known["second_name"].to_numpy()
    last = known["last_name"].to_numpy()
    return {
        "NAME": np.where(
            is_female, texts(first["female"])[name], texts(first["male"])[name]
        ),
        "SECOND_NAME": np.where(
            is_female,
            texts(second["female"])[patronymic],
            texts(second["male"])[patronymic],
        ),
        "LAST_NAME": np.where(
            is_female,
            surnames(is_female=True)[last],
            surnames(is_female=False)[last],
        ),
    }


def object_places(deals: pd.DataFrame) -> Texts:
    """Write street or complex and house of each deal's object."""
    content = lists()
    street = texts(content["streets"])[deals["street"].to_numpy()]
    complexes = texts(content["complexes"])[deals["complex"].to_numpy()]
    is_new_build = deals["deal_type"].to_numpy() == DealType.NEW_BUILD
    place = pd.Series(np.where(is_new_build, complexes, street), dtype=object)
    house = deals["house"].astype(str).reset_index(drop=True)
    return (place + content["house"] + house).to_numpy(dtype=object)


def object_addresses(deals: pd.DataFrame) -> Texts:
    """Write the whole address of each deal's object."""
    flat = deals["flat"].astype(str).reset_index(drop=True)
    place = pd.Series(object_places(deals), dtype=object)
    return (place + lists()["flat"] + flat).to_numpy(dtype=object)
