"""Pages of the list methods: ``start`` in, rows with total and next out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ingestion.demo.portal.faults import Faults
from ingestion.demo.portal.parameters import Parameters
from ingestion.demo.portal.query import Condition, Names, Order
from ingestion.demo.portal.schema import Field
from ingestion.demo.portal.store import PAGE_SIZE, Page, PortalStore, Row
from ingestion.demo.portal.values import to_integer


@dataclass(frozen=True)
class Answer:
    """What a method gives.

    Attributes:
        total: Rows by the filter, for methods that count.
        next: ``start`` of the next page.
    """

    result: object
    total: int | None = None
    next: int | None = None


Method = Callable[[Parameters], Answer]


class Pages:
    """Pages of one portal, without the rows its reader may not see."""

    def __init__(self, store: PortalStore, faults: Faults) -> None:
        self._store = store
        self._faults = faults

    def answer(
        self,
        names: Names,
        fields: Sequence[Field],
        found: Sequence[Condition],
        order: Sequence[Order],
        start: object,
        *,
        shape: Callable[[list[Row]], object] = list,
    ) -> Answer:
        """One page of a list.

        Args:
            names: The entity and the form of the answer.
            fields: What a row holds.
            found: Conditions of the filter.
            order: Keys of the order.
            start: The parameter of the request.
            shape: Makes ``result`` of the rows.
        """
        first = _first_row(start)
        page = self._store.page(
            names,
            fields,
            conditions=found,
            order=order,
            start=first,
            hidden=frozenset(self._faults.hidden[names.entity.name]),
        )
        return _counted(page, first, shape)


def _first_row(start: object) -> int:
    """The first row of the page that ``start`` points into; -1 for the fast way."""
    number = to_integer(0 if start is None else start)
    return -1 if number < 0 else number // PAGE_SIZE * PAGE_SIZE


def _counted(page: Page, first: int, shape: Callable[[list[Row]], object]) -> Answer:
    if page.total is None:
        return Answer(shape(page.rows), 0)
    following = first + PAGE_SIZE
    return Answer(
        shape(page.rows), page.total, following if following < page.total else None
    )
