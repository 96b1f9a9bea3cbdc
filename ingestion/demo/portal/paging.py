"""Pages of the list methods: ``start`` in, rows with total and next out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ingestion.demo.portal.faults import Faults
from ingestion.demo.portal.parameters import Parameters
from ingestion.demo.portal.query import Condition, Names, Order
from ingestion.demo.portal.render import Form
from ingestion.demo.portal.schema import Field
from ingestion.demo.portal.store import PAGE_SIZE, Page, PortalStore
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
        form: Form | tuple[Field, ...],
        found: Sequence[Condition],
        order: Sequence[Order],
        start: object,
        *,
        rows_in: str = "",
    ) -> Answer:
        """One page of a list.

        Args:
            names: The entity and how it is called.
            form: What a row looks like, or the fields it holds.
            found: Conditions of the filter.
            order: Keys of the order.
            start: The parameter of the request.
            rows_in: Key of ``result`` that holds the rows; empty means ``result``
                itself.
        """
        first = _first_row(start)
        page = self._store.page(
            names,
            form,
            conditions=found,
            order=order,
            start=first,
            hidden=frozenset(self._faults.hidden[names.entity.name]),
        )
        return _counted(page, first, rows_in)


def _first_row(start: object) -> int:
    """The first row of the page that ``start`` points into; -1 for the fast way."""
    number = to_integer(0 if start is None else start)
    return -1 if number < 0 else number // PAGE_SIZE * PAGE_SIZE


def _counted(page: Page, first: int, rows_in: str) -> Answer:
    result: object = {rows_in: page.written} if rows_in else page.written
    if page.total is None:
        return Answer(result, 0)
    following = first + PAGE_SIZE
    return Answer(result, page.total, following if following < page.total else None)
