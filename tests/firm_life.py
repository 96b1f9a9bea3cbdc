"""What may happen in a small firm, by chance, and yet the same in every run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from random import Random

from orchestration.passes import STAGES
from tests.small_firm import PEOPLE, STAGE_CODES, SmallFirm

PHONES = ("+79000000001", "+79000000002", "+79000000003")
RECORDS = (
    "advance", "document", "expense", "service_line", "partner_share", "payment",
    "invoice", "reservation", "task",
)  # fmt: skip


class Life:
    """What may happen in a firm, chosen by a number.

    Attributes:
        firm: Whose portal it happens in.
        rows: Ids of what was made, by kind.
        happened: How many things.
    """

    def __init__(self, firm: SmallFirm) -> None:
        self.firm = firm
        self.rows: dict[str, list[int]] = {}
        self.happened = 0
        for phone in PHONES:
            self._make("contact", last_name=phone[-1], phone=phone)
            self._make("lead", phone=phone, status="NEW")
        for price in (5_000_000, 9_000_000):
            self._make("unit", list_price=price)
        for _ in range(6):
            self.deal(Random(0))  # noqa: S311

    def _make(self, kind: str, deal: int | None = None, /, **fields: object) -> int:
        row = self.firm.record(kind, deal, **fields)
        self.rows.setdefault(kind, []).append(row)
        return row

    def _any(self, chance: Random, kind: str) -> int:
        return chance.choice(self.rows[kind])

    def _day(self, chance: Random) -> str:
        """A day from a month ago to a week ahead."""
        return str((self.firm.now + timedelta(days=chance.randint(-30, 7))).date())

    def deal(self, chance: Random) -> None:
        """A deal comes in."""
        self.rows.setdefault("deal", []).append(
            self.firm.deal(
                title="deal",
                stage=chance.choice(list(STAGE_CODES)),
                contact=self._any(chance, "contact"),
                contract_number=chance.choice(("7", "8", None)),
                deal_owner=chance.sample(sorted(PEOPLE), chance.choice((1, 1, 2))),
                responsible=chance.choice(list(PEOPLE)),
                commission=chance.choice((None, 100_000, 99_999.99)),
                price=chance.choice((None, 5_000_000)),
                lead=chance.choice((None, self._any(chance, "lead"))),
            )
        )

    def field(self, chance: Random) -> None:
        """Somebody changes a field of a card."""
        changes: dict[str, object] = {
            "stage": chance.choice(list(STAGE_CODES)),
            "contact": self._any(chance, "contact"),
            "contract_number": chance.choice(("7", "8", None)),
            "deal_owner": chance.sample(sorted(PEOPLE), chance.choice((1, 2))),
            "lawyer": chance.choice(sorted(PEOPLE)),
            "commission": chance.choice((None, 100_000, 80_000)),
            "contract_signed_date": self._day(chance),
            "advance_received_date": self._day(chance),
            "planned_settlement_date": self._day(chance),
            "settlement_date": self._day(chance),
            "is_test": chance.choice(("Y", "N")),
        }
        name = chance.choice(list(changes))
        self.firm.update(self._any(chance, "deal"), **{name: changes[name]})

    def record(self, chance: Random) -> None:
        """A record is written beside a deal."""
        kind = chance.choice(RECORDS)
        fields: Mapping[str, Mapping[str, object]] = {
            "advance": {"amount": 50_000, "received_date": self._day(chance)},
            "document": {"number": "1", "signed_date": self._day(chance)},
            "expense": {"amount": 1_000, "incurred_date": self._day(chance)},
            "service_line": {"side": "seller", "price": 90_000, "discount": 1_000},
            "partner_share": {"percent": 10},
            "payment": {"amount": 40_000, "operation_date": self._day(chance)},
            "invoice": {"amount": 100_000, "due_date": self._day(chance)},
            "reservation": {
                "unit": self._any(chance, "unit"),
                "from_at": f"{self._day(chance)}T10:00:00+03:00",
            },
            "task": {"deadline": f"{self._day(chance)}T10:00:00+03:00"},
        }
        given = dict(fields[kind])
        if kind == "payment" and self.rows.get("invoice") and chance.random() < 0.5:
            given["invoice"] = self._any(chance, "invoice")
        self._make(kind, self._any(chance, "deal"), **given)

    def moved_record(self, chance: Random) -> None:
        """A record goes over to another deal."""
        kinds = [
            kind
            for kind in RECORDS
            if self.rows.get(kind) and kind not in ("task", "service_line")
        ]
        if kinds:
            kind = chance.choice(kinds)
            self.firm.change(
                kind, self._any(chance, kind), PARENT_ID_2=self._any(chance, "deal")
            )

    def activity(self, chance: Random) -> None:
        """Somebody meets, calls or shows."""
        start = self.firm.now + timedelta(hours=chance.choice((-50, -1, 30)))
        whose = chance.choice(("deal", "deal", "lead"))
        row = self._any(chance, whose)
        kind = chance.choice(("meeting", "call", "showing"))
        for again in range(chance.choice((1, 1, 2))):
            self.firm.activity(
                kind,
                row if whose == "deal" else None,
                lead=row if whose == "lead" else None,
                start=start + timedelta(seconds=30 * again),
                host=chance.choice(sorted(PEOPLE)),
                is_held=start < self.firm.now,
            )

    def lead(self, chance: Random) -> None:
        """A request comes in, of a known phone or a new one."""
        phone = chance.choice((*PHONES, f"+7911{chance.randrange(10**7):07}"))
        self._make("lead", phone=phone, status="NEW")

    def request(self, chance: Random) -> None:
        """Somebody works on a request."""
        changes: dict[str, object] = {
            "status": chance.choice(("NEW", "QUALIFIED", "PAUSED", "SPAM", "JUNK")),
            "contact": chance.choice((None, self._any(chance, "contact"))),
            "phone": chance.choice(PHONES),
        }
        name = chance.choice(list(changes))
        self.firm.change("lead", self._any(chance, "lead"), **{name: changes[name]})

    def phone(self, chance: Random) -> None:
        """A client becomes another one, or the same as another."""
        self.firm.change(
            "contact", self._any(chance, "contact"), phone=chance.choice(PHONES)
        )

    def price(self, chance: Random) -> None:
        """A unit gets another price."""
        self.firm.change(
            "unit", self._any(chance, "unit"), list_price=chance.randrange(10**7)
        )

    def deletion(self, chance: Random) -> None:
        """Something is deleted."""
        kind = chance.choice([kind for kind in self.rows if len(self.rows[kind]) > 3])
        row = self._any(chance, kind)
        self.rows[kind].remove(row)
        self.firm.remove(kind, row)

    def time(self, chance: Random) -> None:
        """Hours or days go by."""
        self.firm.later(hours=chance.choice((1, 1, 5, 30)))

    def go_on(self, number: int) -> None:
        """One thing happens: by the number and by how much has happened before."""
        self.happened += 1
        chance = Random(f"{number} {self.happened}")  # noqa: S311 -- a story, no secret
        [name] = chance.choices(list(HAPPENINGS), list(HAPPENINGS.values()))
        happens: Callable[[Random], None] = getattr(self, name)
        happens(chance)

    def a_pass(self, chance: Random) -> None:
        """A pass looks at the portal; some break off in the middle."""
        self.firm.later(minutes=1)
        until = chance.choice((*STAGES, *("publish",) * 5))
        self.firm.run_pass(sweep=chance.random() < 0.3, until=until)


HAPPENINGS: Mapping[str, int] = {
    "deal": 3, "field": 10, "record": 10, "moved_record": 3, "activity": 6, "lead": 2,
    "request": 4, "phone": 1, "price": 1, "deletion": 2, "time": 2,
}  # fmt: skip
