"""The tables of compliance's own database. Rows are added and never changed or removed (see the migrations): what was
found stays found, whoever would rather not have known."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import BigInteger, Boolean, CheckConstraint, ForeignKey, Integer, LargeBinary, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ID = String(66)


class Base(DeclarativeBase):
    type_annotation_map: ClassVar = {str: Text, int: BigInteger, bytes: LargeBinary, bool: Boolean}


class Run(Base):
    """One reconciliation. `scope`: what was read, as a JSON list; `report`: its canonical JSON, compressed with zlib;
    times are this machine's clock in seconds."""

    __tablename__ = "runs"

    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    run_id: Mapped[str] = mapped_column(ID, unique=True)
    begun_at: Mapped[int]
    ended_at: Mapped[int]
    scope: Mapped[str]
    clean: Mapped[bool]
    findings: Mapped[int]
    breaks: Mapped[int]
    opened: Mapped[int]
    closed: Mapped[int]
    report_hash: Mapped[str] = mapped_column(ID, index=True)
    report: Mapped[bytes]


class Content(Base):
    """A finding as it was when it was first seen so, as JSON."""

    __tablename__ = "contents"

    content: Mapped[str] = mapped_column(ID, primary_key=True)
    finding_id: Mapped[str] = mapped_column(ID, index=True)
    body: Mapped[str]


class Sighting(Base):
    """A run that saw a finding."""

    __tablename__ = "sightings"

    run: Mapped[int] = mapped_column(ForeignKey("runs.number"), primary_key=True)
    finding_id: Mapped[str] = mapped_column(ID, primary_key=True, index=True)
    content: Mapped[str] = mapped_column(ID, ForeignKey("contents.content"))


class Closing(Base):
    """A run that looked where a finding was seen last, and saw it no more."""

    __tablename__ = "closings"

    run: Mapped[int] = mapped_column(ForeignKey("runs.number"), primary_key=True)
    finding_id: Mapped[str] = mapped_column(ID, primary_key=True, index=True)


class AcknowledgementRow(Base):
    """Somebody's word on a finding as it is; the newest one counts."""

    __tablename__ = "acknowledgements"
    __table_args__ = (CheckConstraint("reason <> '' AND named <> ''", name="acknowledged_by_somebody_for_a_reason"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    finding_id: Mapped[str] = mapped_column(ID, index=True)
    content: Mapped[str] = mapped_column(ID, ForeignKey("contents.content"))
    reason: Mapped[str]
    named: Mapped[str]
    at: Mapped[int]


class AlertRow(Base):
    """What a channel is to be told of a run, stored with the run. `body` is what is sent, as JSON."""

    __tablename__ = "alerts"

    alert_id: Mapped[str] = mapped_column(ID, primary_key=True)
    run: Mapped[int] = mapped_column(ForeignKey("runs.number"))
    channel: Mapped[str]
    body: Mapped[str]


class Delivery(Base):
    """An alert that its channel has taken."""

    __tablename__ = "deliveries"

    alert_id: Mapped[str] = mapped_column(ID, ForeignKey("alerts.alert_id"), primary_key=True)
    at: Mapped[int]


class Trip(Base):
    """The breaker's intention to pause a deployment on account of a finding, stored before anything is sent."""

    __tablename__ = "trips"

    content: Mapped[str] = mapped_column(ID, primary_key=True)
    finding_id: Mapped[str] = mapped_column(ID)
    deployment: Mapped[str]
    at: Mapped[int]


class TripEnd(Base):
    """What came of it; `transaction` is empty when the door was shut already."""

    __tablename__ = "trip_ends"

    content: Mapped[str] = mapped_column(ID, ForeignKey("trips.content"), primary_key=True)
    transaction_hash: Mapped[str]
    at: Mapped[int]
