"""Units of measure: name to screen format and cell format."""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

_FILE = Path(__file__).with_name("units.yaml")
# The marts write the same signs into the texts of cards.
_CURRENCIES = _FILE.parents[1] / "dbt_project" / "seeds" / "currencies.csv"


class UnknownUnitError(Exception):
    """A unit that ``units.yaml`` does not know."""


@dataclass(frozen=True)
class Unit:
    """How values of one unit are printed.

    Attributes:
        title: What stands after the label: ``Комиссия, ₽``; empty for plain counts.
        screen: D3 number format, or time format.
        cell: Number format of a workbook cell.
        scale: The stored value is divided by it for printing.
        is_time: Whether the values are dates.
    """

    name: str
    title: str
    screen: str
    cell: str
    scale: int = 1
    is_time: bool = False

    @property
    def is_money(self) -> bool:
        """Whether the value is an amount of money, which some roles may not see."""
        return self.name.startswith("money")


def unit(name: str, currency: str = "RUB") -> Unit:
    """Give one unit in a reporting currency.

    Raises:
        UnknownUnitError: no such unit; the text names those that exist.
    """
    known = _units(currency)
    if name not in known:
        raise UnknownUnitError(f"unit {name!r} is none of {', '.join(known)}")
    return known[name]


@cache
def _units(currency: str) -> dict[str, Unit]:
    content = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    with _CURRENCIES.open(encoding="utf-8", newline="") as rows:
        signs = {row["currency"]: row["sign"] for row in csv.DictReader(rows)}
    sign = signs.get(currency, currency)
    return {
        name: Unit(
            name=name,
            title=fields["title"].format(currency=sign),
            screen=fields["screen"],
            cell=fields["cell"],
            scale=fields.get("scale", 1),
            is_time=fields.get("is_time", False),
        )
        for name, fields in content["units"].items()
    }
