"""The agency's people: groups, hirings, transfers, absences and dismissals.

About sixty people work at any time. Six of them are fixed, because demo logins hang
on them: they never leave. Whoever leaves is replaced within weeks.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ingestion.demo.agency.clock import Clock
from ingestion.demo.agency.lists import lists, surnames, texts
from ingestion.demo.agency.model import (
    NEVER,
    DealType,
    Flags,
    Floats,
    Ints,
    Times,
    stream,
)

DIRECTOR = 1
HEAD_OF_SALES = 2
HEAD_OF_LEGAL = 3
HEAD_OF_MORTGAGE = 4
GROUP_LEADER = 5
AGENT = 6

ROOT, SALES, LEGAL, MORTGAGE, ADMINISTRATION = 1, 2, 3, 4, 5
GROUPS = (11, 12, 13, 14)
LEADERS = (GROUP_LEADER, 7, 8, 9)
AGENTS_PER_GROUP = (12, 11, 10, 8)
LAWYERS = 6
BROKERS = 5
OFFICE = 3
DISMISSED_AGENTS = 14
DISMISSED_LAWYERS = 1
DISMISSED_BROKERS = 1
TRANSFERS = 7

# How much more a group works on its own type than on the others:
# rows are groups, columns deal types.
AFFINITY: Floats = np.array(
    [
        [4.0, 3.0, 0.8, 0.4],
        [3.0, 4.0, 0.8, 0.4],
        [0.7, 1.0, 6.0, 0.3],
        [0.5, 0.5, 0.3, 6.0],
    ]
)


@dataclass(frozen=True)
class Staff:
    """People as tables and as day matrices for drawing who does what.

    Attributes:
        employees: See ``Agency.employees``.
        departments: See ``Agency.departments``.
        memberships: See ``Agency.memberships``.
        absences: See ``Agency.absences``.
        roles: Role of each person: agent (leaders and heads of sales included),
            lawyer, broker or office.
        is_employed: Person × day.
        is_present: Person × day: employed and not absent.
        department: Person × day.
        sales_weight: Person × deal type: how often a person gets a new deal.
    """

    employees: pd.DataFrame
    departments: pd.DataFrame
    memberships: pd.DataFrame
    absences: pd.DataFrame
    roles: list[str]
    is_employed: Flags
    is_present: Flags
    department: Ints
    sales_weight: Floats

    def where(self, role: str) -> Ints:
        """Give the positions of the people of a role."""
        return np.flatnonzero(np.array(self.roles) == role)

    @property
    def dismissed_at(self) -> Times:
        """When each person leaves, or never."""
        return self.employees["dismissed_at"].to_numpy()


def make_staff(seed: int, clock: Clock) -> Staff:
    """Hire the people and live their four years."""
    rng = stream(seed, "people")
    employees, roles = _hire(rng, clock)
    memberships = _transfer(rng, clock, employees, roles)
    department = _department_by_day(clock, memberships, len(employees))
    absences = _absences(rng, clock, employees)
    is_employed = _employed_by_day(clock, employees)
    return Staff(
        employees=employees,
        departments=_departments(),
        memberships=memberships,
        absences=absences,
        roles=roles,
        is_employed=is_employed,
        is_present=is_employed & ~_absent_by_day(clock, absences, len(employees)),
        department=department,
        sales_weight=_sales_weight(rng, employees, roles),
    )


def _slots() -> list[tuple[str, str, int]]:
    """List position, role and department of everyone at the start, in id order."""
    slots = [
        ("director", "agent", ADMINISTRATION),
        ("head_of_sales", "agent", SALES),
        ("head_of_legal", "lawyer", LEGAL),
        ("head_of_mortgage", "broker", MORTGAGE),
        ("leader", "agent", GROUPS[0]),
        ("agent", "agent", GROUPS[0]),
    ]
    slots += [("leader", "agent", group) for group in GROUPS[1:]]
    for group, size in zip(GROUPS, AGENTS_PER_GROUP, strict=True):
        missing = size - (2 if group == GROUPS[0] else 1)
        slots += [("agent", "agent", group)] * missing
    slots += [("lawyer", "lawyer", LEGAL)] * LAWYERS
    slots += [("broker", "broker", MORTGAGE)] * BROKERS
    slots += [("office", "office", ADMINISTRATION)] * OFFICE
    return slots


def _hire(rng: np.random.Generator, clock: Clock) -> tuple[pd.DataFrame, list[str]]:
    slots = _slots()
    opening = clock.first_day.astype("datetime64[s]")
    hired = opening - (rng.integers(30, 1500, len(slots)) * 86400).astype("m8[s]")
    hired = np.sort(hired.astype("datetime64[D]")) + np.timedelta64(9 * 3600, "s")
    dismissed = np.full(len(slots), NEVER)
    by_role = [role for _, role, _ in slots]
    for role, count in (
        ("agent", DISMISSED_AGENTS),
        ("lawyer", DISMISSED_LAWYERS),
        ("broker", DISMISSED_BROKERS),
    ):
        # The first nine (the fixed people and the leaders) stay for good.
        free = np.array([i for i, r in enumerate(by_role) if r == role and i >= 9])
        dismissed[rng.permutation(free)[:count]] = _spread(rng, clock, count)
    order = np.flatnonzero(~np.isnat(dismissed))
    order = order[np.argsort(dismissed[order], kind="stable")]
    pause = (rng.integers(4, 40, order.size) * 86400).astype("timedelta64[s]")
    joined = dismissed[order] + pause
    joined = joined.astype("datetime64[D]") + np.timedelta64(9 * 3600, "s")
    order, joined = order[np.argsort(joined, kind="stable")], np.sort(joined)
    everyone = slots + [slots[index] for index in order]
    names = _names(rng, len(everyone))
    employees = pd.DataFrame(
        {
            "employee_id": np.arange(1, len(everyone) + 1),
            **names,
            "position": [lists()["positions"][name] for name, _, _ in everyone],
            "department": [department for _, _, department in everyone],
            "hired_at": np.concatenate([hired, joined]),
            "dismissed_at": np.concatenate([dismissed, np.full(order.size, NEVER)]),
        }
    )
    return employees, [role for _, role, _ in everyone]


def _spread(rng: np.random.Generator, clock: Clock, count: int) -> Times:
    """Draw moments at six in the evening, evenly over the whole span."""
    span = clock.days.size - 120
    places = (np.arange(count) + rng.random(count)) / count
    days = clock.first_day + (60 + places * span).astype("timedelta64[D]")
    return np.asarray(days.astype("datetime64[s]") + np.timedelta64(18 * 3600, "s"))


def _names(rng: np.random.Generator, count: int) -> dict[str, list[str]]:
    content = lists()
    fixed = content["fixed_people"]
    rest = count - len(fixed)
    is_female = rng.random(rest) < 0.6
    family = rng.permutation(len(content["surnames"]))[:rest]
    last = np.where(
        is_female, surnames(is_female=True)[family], surnames(is_female=False)[family]
    )
    parts = {}
    for part, values in (
        ("name", content["first_names"]),
        ("second_name", content["patronymics"]),
    ):
        women, men = texts(values["female"]), texts(values["male"])
        parts[part] = np.where(
            is_female,
            women[rng.integers(0, women.size, rest)],
            men[rng.integers(0, men.size, rest)],
        )
    return {
        "last_name": [person[0] for person in fixed] + last.tolist(),
        "name": [person[1] for person in fixed] + parts["name"].tolist(),
        "second_name": [person[2] for person in fixed] + parts["second_name"].tolist(),
    }


def _departments() -> pd.DataFrame:
    names = lists()["departments"]
    rows: list[tuple[int, str, int, int]] = [
        (ROOT, lists()["company"], 0, DIRECTOR),
        (SALES, names["2"], ROOT, HEAD_OF_SALES),
        (LEGAL, names["3"], ROOT, HEAD_OF_LEGAL),
        (MORTGAGE, names["4"], ROOT, HEAD_OF_MORTGAGE),
        (ADMINISTRATION, names["5"], ROOT, DIRECTOR),
    ]
    rows += [
        (group, names[str(group)], SALES, leader)
        for group, leader in zip(GROUPS, LEADERS, strict=True)
    ]
    return pd.DataFrame(rows, columns=["department_id", "name", "parent_id", "head_id"])


def _transfer(
    rng: np.random.Generator, clock: Clock, employees: pd.DataFrame, roles: list[str]
) -> pd.DataFrame:
    """Move some agents who stay from group to group, one move each."""
    stays = employees["dismissed_at"].isna().to_numpy()
    early = employees["hired_at"].to_numpy() < clock.first_day
    is_agent = np.array([role == "agent" for role in roles])
    free = np.flatnonzero(stays & early & is_agent & (employees.index >= 9))
    movers = np.sort(rng.permutation(free)[:TRANSFERS])
    home = employees["department"].to_numpy()
    step = rng.integers(1, len(GROUPS), movers.size)
    target = np.array(GROUPS)[(home[movers] - GROUPS[0] + step) % len(GROUPS)]
    moments = rng.permutation(_spread(rng, clock, movers.size))
    table = pd.DataFrame(
        {
            "employee_id": np.concatenate([employees["employee_id"], movers + 1]),
            "at": np.concatenate([employees["hired_at"], moments]),
            "department": np.concatenate([home, target]),
        }
    )
    return table.sort_values(["at", "employee_id"], ignore_index=True)


def _department_by_day(clock: Clock, memberships: pd.DataFrame, people: int) -> Ints:
    matrix = np.zeros((people, clock.days.size), dtype=np.int64)
    person = memberships["employee_id"].to_numpy() - 1
    day = clock.day_index(memberships["at"].to_numpy())
    department = memberships["department"].to_numpy()
    for row in range(len(memberships)):
        matrix[person[row], day[row] :] = department[row]
    return matrix


def _employed_by_day(clock: Clock, employees: pd.DataFrame) -> Flags:
    days = clock.days.astype("datetime64[s]")[None, :]
    hired = employees["hired_at"].to_numpy().astype("datetime64[D]")[:, None]
    dismissed = employees["dismissed_at"].to_numpy().astype("datetime64[D]")[:, None]
    is_employed: Flags = (days >= hired) & ~(days >= dismissed)
    return is_employed


def _absences(
    rng: np.random.Generator, clock: Clock, employees: pd.DataFrame
) -> pd.DataFrame:
    """Give everyone two holidays a year and an illness now and then."""
    people, years = len(employees), clock.days.size / 365.25
    parts = []
    for kind, each_year, shortest, longest in (
        ("vacation", 2.0, 10, 16),
        ("sick_leave", 0.8, 3, 12),
        ("business_trip", 0.2, 1, 4),
    ):
        count = rng.poisson(each_year * years, people)
        person = np.repeat(np.arange(people), count)
        first = rng.integers(0, clock.days.size - 20, person.size)
        length = rng.integers(shortest, longest, person.size)
        parts.append(
            pd.DataFrame(
                {
                    "employee_id": person + 1,
                    "first_day": clock.days[first],
                    "last_day": clock.days[first + length - 1],
                    "kind": kind,
                }
            )
        )
    table = pd.concat(parts, ignore_index=True)
    person = table["employee_id"].to_numpy() - 1
    hired = employees["hired_at"].to_numpy()[person]
    dismissed = employees["dismissed_at"].to_numpy()[person]
    is_inside = (table["first_day"].to_numpy() > hired) & ~(
        table["last_day"].to_numpy() >= dismissed
    )
    return table[is_inside].sort_values(["first_day", "employee_id"], ignore_index=True)


def _absent_by_day(clock: Clock, absences: pd.DataFrame, people: int) -> Flags:
    steps = np.zeros((people, clock.days.size + 1), dtype=np.int64)
    person = absences["employee_id"].to_numpy() - 1
    first = clock.day_index(absences["first_day"].to_numpy())
    last = clock.day_index(absences["last_day"].to_numpy())
    np.add.at(steps, (person, first), 1)
    np.add.at(steps, (person, last + 1), -1)
    is_absent: Flags = steps[:, :-1].cumsum(axis=1) > 0
    return is_absent


def _sales_weight(
    rng: np.random.Generator, employees: pd.DataFrame, roles: list[str]
) -> Floats:
    people = len(employees)
    skill = rng.gamma(4.0, 0.25, people) + 0.15
    home = employees["department"].to_numpy()
    weight = np.zeros((people, len(DealType)))
    for position, group in enumerate(GROUPS):
        weight[home == group] = AFFINITY[position]
    weight *= skill[:, None]
    leaders = np.array(LEADERS) - 1
    weight[leaders] = weight[leaders] / skill[leaders, None] * 0.7
    weight[AGENT - 1] = AFFINITY[0] * 2.6
    weight[HEAD_OF_SALES - 1] = 0.3
    weight[DIRECTOR - 1] = 0.08
    weight[[role != "agent" for role in roles]] = 0.0
    return weight
