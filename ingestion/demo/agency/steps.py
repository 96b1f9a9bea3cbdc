"""Next steps of the deals as tasks, and absences as the portal keeps them."""

import numpy as np

from ingestion.demo.agency.model import NEVER, Records, Stage, stream
from ingestion.demo.agency.records import RecordWriter
from ingestion.demo.agency.story import SECONDS, Story, later, seconds_of

DAY = 86400
HAS_STEP = 0.45
DONE_LATE = 0.18
VACATION_AHEAD = 14
ABSENCES = ("vacation", "sick_leave", "business_trip")


def make_tasks(seed: int, story: Story) -> Records:
    """Draw a next step for many stages of every deal; the last ones stay open."""
    rng = stream(seed, "tasks")
    moves = story.agency.stage_moves
    deal, at = moves["deal"].to_numpy(), moves["at"].to_numpy()
    order = np.argsort(deal * SECONDS + seconds_of(at), kind="stable")
    deal, at = deal[order], at[order]
    stage = moves["stage"].to_numpy()[order]
    is_last = np.roll(deal, -1) != deal
    is_last[-1:] = True
    left = np.where(is_last, NEVER, np.roll(at, -1))
    has_step = (stage >= Stage.QUALIFIED) & (stage < Stage.WON)
    has_step &= story.is_real[deal] & (rng.random(deal.size) < HAS_STEP)
    rows = np.flatnonzero(has_step)
    deal, born = deal[rows], later(at[rows], rng.integers(60, 3600, rows.size))
    born = np.where(born >= left[rows], at[rows], born)
    due = later(born, rng.integers(1, 9, rows.size) * DAY)
    day = due.astype("datetime64[D]").astype("datetime64[s]")
    due = later(day, np.full(rows.size, 18 * 3600))
    writer = RecordWriter()
    record = writer.add(
        born,
        deal=deal,
        assigned=story.assigned(deal, born),
        stage=stage[rows],
        deadline=seconds_of(due),
    )
    late = later(due, rng.integers(DAY, 6 * DAY, rows.size))
    done = later(due, -rng.integers(0, DAY, rows.size))
    done = np.where(rng.random(rows.size) < DONE_LATE, late, done)
    done = np.fmin(done, left[rows])
    # Where the deal moves no further, the step waits for ever.
    done = np.where(np.isnat(left[rows]), NEVER, done)
    writer.write("closed", record, done, seconds_of(done))
    return writer.finish()[0]


def make_absences(seed: int, story: Story) -> Records:
    """Enter the absences: holidays ahead, the rest on the day."""
    rng = stream(seed, "entered absences")
    table = story.agency.absences
    first = table["first_day"].to_numpy().astype("datetime64[s]")
    kind = np.array([ABSENCES.index(name) for name in table["kind"]], dtype=np.int64)
    ahead = np.where(kind == 0, rng.integers(7, 40, first.size), 0) * DAY
    moment = rng.integers(9 * 3600, 18 * 3600, first.size)
    person = table["employee_id"].to_numpy()
    hired = story.agency.employees["hired_at"].to_numpy()[person - 1]
    writer = RecordWriter()
    writer.add(
        np.fmax(later(first, moment - ahead), hired),
        employee=person,
        kind=kind,
        first_day=first.astype("datetime64[D]").astype(np.int64),
        last_day=table["last_day"].to_numpy().astype("datetime64[D]").astype(np.int64),
    )
    return writer.finish()[0]
