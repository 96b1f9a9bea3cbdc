"""Sections ``settings``, ``stage_limits``, ``vat``: values valid from a date on."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation

from ingestion.mapping.model import Setting, StageLimit, VatMode
from ingestion.mapping.names import DEFAULT_SETTINGS, LIMIT_UNITS, STAGES, VAT_MODES
from ingestion.mapping.parts import Parts
from ingestion.marked_yaml import Block, suggestion


class DatedParts(Parts):
    """Reads values that a firm changes in the course of time."""

    def settings(self) -> tuple[Setting, ...]:
        """Settings of metrics.md section 8, each with the date it starts on."""
        settings: list[Setting] = []
        lines: dict[tuple[str, date], int] = {}
        for part in self.items(self.top, "settings"):
            if not isinstance(part, Block):
                self.problems.add(
                    part.line, "settings: `- {valid_from: DATE, name: value}` expected"
                )
                continue
            self.known(part, "settings", ("valid_from", *DEFAULT_SETTINGS), "setting")
            valid_from = self.date(part, "valid_from")
            for name, value_part, line in part.items():
                if name == "valid_from" or valid_from is None:
                    continue
                value = _number(self.text(value_part, name))
                if value is None:
                    self.problems.add(line, f"{name}: a number expected")
                    continue
                first = lines.setdefault((name, valid_from), line)
                if first != line:
                    self.problems.add(
                        line,
                        f"{name} is set twice from {valid_from} (first on line"
                        f" {first}); keep one of them",
                    )
                settings.append(Setting(name, value, valid_from))
        return tuple(settings)

    def stage_limits(self, pipelines: Mapping[str, str]) -> tuple[StageLimit, ...]:
        """How long a deal may stay on a stage, per pipeline and date."""
        limits: list[StageLimit] = []
        lines: dict[tuple[str, str, date], int] = {}
        names = ("valid_from", "pipeline", "unit", "limits")
        for part in self.items(self.top, "stage_limits"):
            if not isinstance(part, Block):
                self.problems.add(
                    part.line,
                    "stage_limits: `- {valid_from: DATE, pipeline: ID, unit: UNIT,"
                    " limits: {stage: number}}` expected",
                )
                continue
            self.known(part, "stage_limits", names, "name")
            valid_from = self.date(part, "valid_from")
            unit = self.choice(part, "unit", LIMIT_UNITS)
            pipeline = self.required(part, "pipeline")
            if pipeline and pipeline not in pipelines:
                self.bad(
                    part,
                    "pipeline",
                    f"unknown `{pipeline}`{suggestion(pipeline, list(pipelines))}",
                )
            block = self.block(part, "limits")
            self.known(block, "stage_limits", STAGES, "stage")
            for stage, value_part, line in block.items():
                value = _number(self.text(value_part, stage))
                if value is None or Decimal(value) <= 0:
                    self.problems.add(line, f"{stage}: a number above zero expected")
                    continue
                if valid_from is None:
                    continue
                first = lines.setdefault((pipeline, stage, valid_from), line)
                if first != line:
                    self.problems.add(
                        line,
                        f"{stage} of pipeline `{pipeline}` is limited twice from"
                        f" {valid_from} (first on line {first}); keep one of them",
                    )
                limits.append(StageLimit(pipeline, stage, value, unit, valid_from))
        return tuple(limits)

    def vat(self) -> tuple[VatMode, ...]:
        """How value-added tax is paid, by legal entity and date."""
        modes: list[VatMode] = []
        lines: dict[tuple[str, date], int] = {}
        names = ("valid_from", "legal_entity", "mode")
        for part in self.items(self.top, "vat"):
            if not isinstance(part, Block):
                self.problems.add(
                    part.line, "vat: `- {valid_from: DATE, mode: MODE}` expected"
                )
                continue
            self.known(part, "vat", names, "name")
            valid_from = self.date(part, "valid_from")
            mode = self.choice(part, "mode", VAT_MODES)
            entity = self.optional(part, "legal_entity") or ""
            if valid_from is None:
                continue
            first = lines.setdefault((entity, valid_from), part.line)
            if first != part.line:
                self.problems.add(
                    part.line,
                    f"vat of `{entity}` is said twice from {valid_from} (first on line"
                    f" {first}); keep one of them",
                )
            modes.append(VatMode(entity, mode, valid_from))
        return tuple(modes)


def _number(text: str) -> str | None:
    """A setting's number without the percent sign; None when it is not a number."""
    stripped = text.removesuffix("%").strip()
    try:
        value = Decimal(stripped)
    except InvalidOperation:
        return None
    return stripped if value.is_finite() else None
