"""Types of whole applications, with the field names of public schemas and made-up values.

* A repository as GitHub's REST API describes it (``GET /repos/{owner}/{repo}``): texts, and many of them URLs.
* A pod as Kubernetes has it (``core/v1 PodSpec`` and ``Container``): nested, and mostly optional.
* An invoice of UBL 2.1 (OASIS, ``Invoice``): amounts, dates, times, codes, identifiers and bounds.
"""

from __future__ import annotations

import enum
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct

from .samples import Sample

Name = Annotated[str, Meta(min_length=1, max_length=253)]
Port = Annotated[int, Meta(ge=1, le=65535)]
Percent = Annotated[int, Meta(ge=0, le=100)]
Currency = Annotated[str, Meta(min_length=3, max_length=3)]
Clock = Annotated[time, Meta(tz=False)]


class Visibility(enum.Enum):
    """The audience of a repository."""

    PUBLIC = "public"
    PRIVATE = "private"
    INTERNAL = "internal"


class Owner(Struct):
    """The account that a repository belongs to."""

    login: str
    id: int
    avatar_url: str
    html_url: str
    type: Literal["User", "Organization"]
    site_admin: bool


class License(Struct):
    """A repository's licence."""

    key: str
    name: str
    spdx_id: str | None
    url: str | None


class Repository(Struct):
    """A repository."""

    id: int
    node_id: str
    name: str
    full_name: str
    owner: Owner
    private: bool
    html_url: str
    description: str | None
    fork: bool
    url: str
    archive_url: str
    branches_url: str
    clone_url: str
    commits_url: str
    contents_url: str
    git_url: str
    issues_url: str
    homepage: str | None
    language: str | None
    forks_count: int
    stargazers_count: int
    watchers_count: int
    size: int
    default_branch: str
    open_issues_count: int
    topics: list[str]
    has_issues: bool
    has_wiki: bool
    has_pages: bool
    archived: bool
    visibility: Visibility
    pushed_at: datetime
    created_at: datetime
    updated_at: datetime
    permissions: dict[str, bool]
    license: License | None


class EnvVar(Struct):
    """A variable of a container."""

    name: Name
    value: str | None = None


class ContainerPort(Struct):
    """A port of a container."""

    container_port: Port
    name: str | None = None
    host_port: Port | None = None
    protocol: Literal["TCP", "UDP", "SCTP"] = "TCP"


class Probe(Struct):
    """How a container is asked whether it works."""

    path: str | None = None
    port: Port | None = None
    initial_delay_seconds: int = 0
    period_seconds: int = 10
    timeout_seconds: int = 1
    failure_threshold: int = 3


class VolumeMount(Struct):
    """Where a volume is in a container."""

    name: Name
    mount_path: str
    sub_path: str | None = None
    read_only: bool = False


class Container(Struct):
    """A container of a pod."""

    name: Name
    image: str
    command: list[str] = []
    args: list[str] = []
    working_dir: str | None = None
    ports: list[ContainerPort] = []
    env: list[EnvVar] = []
    limits: dict[str, str] = {}
    requests: dict[str, str] = {}
    volume_mounts: list[VolumeMount] = []
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    tty: bool = False


class Pod(Struct):
    """A pod."""

    name: Name
    namespace: Name
    uid: uuid.UUID
    creation_timestamp: datetime
    labels: dict[str, str]
    annotations: dict[str, str]
    containers: list[Container]
    init_containers: list[Container] = []
    restart_policy: Literal["Always", "OnFailure", "Never"] = "Always"
    termination_grace_period_seconds: int | None = None
    active_deadline_seconds: int | None = None
    dns_policy: str | None = None
    node_selector: dict[str, str] = {}
    service_account_name: str | None = None
    node_name: str | None = None
    host_network: bool = False
    hostname: str | None = None
    priority: int | None = None
    tolerations: list[dict[str, str]] = []


class DocumentType(enum.IntEnum):
    """A code of UNTDID 1001."""

    INVOICE = 380
    CREDIT_NOTE = 381
    CORRECTED = 384


class Address(Struct):
    """Where a party is."""

    street_name: str
    city_name: str
    postal_zone: str
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")]


class Party(Struct):
    """A seller or a buyer."""

    endpoint_id: str
    name: Name
    postal_address: Address
    company_id: str | None = None
    electronic_mail: str | None = None


class Amount(Struct, frozen=True):
    """An amount of money."""

    value: Decimal
    currency: Currency


class TaxSubtotal(Struct):
    """The tax of one category."""

    taxable_amount: Decimal
    tax_amount: Decimal
    category: Literal["S", "Z", "E", "AE"]
    percent: Percent


class InvoiceLine(Struct):
    """A line of an invoice."""

    id: int
    invoiced_quantity: Decimal
    unit_code: str
    line_extension_amount: Decimal
    item_name: str
    item_id: uuid.UUID
    price_amount: Decimal
    tax_percent: Percent
    note: str | None = None


class Invoice(Struct):
    """An invoice."""

    id: str
    uuid: uuid.UUID
    issue_date: date
    issue_time: Clock
    due_date: date | None
    type_code: DocumentType
    document_currency: Currency
    tax_currency: Currency | None
    buyer_reference: str | None
    order_reference: str | None
    contract_reference: str | None
    period_start: date
    period_end: date
    supplier: Party
    customer: Party
    payment_means: Literal["transfer", "card", "debit"]
    payment_id: str | None
    payee_account: str | None
    delivery_date: date | None
    tax_subtotals: list[TaxSubtotal]
    tax_amount: Decimal
    line_extension_amount: Decimal
    tax_exclusive_amount: Decimal
    tax_inclusive_amount: Decimal
    prepaid: Amount
    payable: Amount
    lines: list[InvoiceLine]
    notes: list[str]
    is_copy: bool
    signed_at: datetime
    digest: bytes


MOMENT = datetime(2026, 3, 1, 12, 30, 15, 250000, UTC)
API = "https://api.example.org/repos/ada/engine"


def repository() -> Repository:
    """A repository."""
    return Repository(
        id=1_296_269, node_id="MDEwOlJlcG9zaXRvcnkxMjk2MjY5", name="engine", full_name="ada/engine",
        owner=Owner("ada", 583_231, "https://avatars.example.org/u/583231", "https://example.org/ada", "User", False),
        private=False, html_url="https://example.org/ada/engine", description="Notes on the analytical engine",
        fork=False, url=API, archive_url=f"{API}/{{archive_format}}{{/ref}}", branches_url=f"{API}/branches{{/branch}}",
        clone_url="https://example.org/ada/engine.git", commits_url=f"{API}/commits{{/sha}}",
        contents_url=f"{API}/contents/{{+path}}", git_url="git:example.org/ada/engine.git",
        issues_url=f"{API}/issues{{/number}}", homepage=None, language="Python", forks_count=9, stargazers_count=80_231,
        watchers_count=80_231, size=108_000, default_branch="main", open_issues_count=12,
        topics=["engine", "mathematics", "history", "api"], has_issues=True, has_wiki=True, has_pages=False,
        archived=False, visibility=Visibility.PUBLIC, pushed_at=MOMENT, created_at=MOMENT, updated_at=MOMENT,
        permissions={"admin": False, "push": False, "pull": True},
        license=License("apache-2.0", "Apache License 2.0", "Apache-2.0", "https://api.example.org/licenses/apache-2.0"),
    )  # fmt: skip


def container(number: int) -> Container:
    """A container."""
    probe = Probe("/healthz", 8080, initial_delay_seconds=5)
    return Container(
        f"service-{number}", f"registry.example.org/team/service:{number}.4.2", command=["python", "-m", "service"],
        args=["--port", "8080"], ports=[ContainerPort(8080, "http"), ContainerPort(9090, "metrics")],
        env=[EnvVar("LOG_LEVEL", "info"), EnvVar("REGION", "eu-west-1"), EnvVar("TOKEN")],
        limits={"cpu": "500m", "memory": "256Mi"}, requests={"cpu": "100m", "memory": "128Mi"},
        volume_mounts=[VolumeMount("config", "/etc/service", read_only=True)],
        liveness_probe=probe, readiness_probe=probe,
    )  # fmt: skip


def pod() -> Pod:
    """A pod of two containers."""
    return Pod(
        "service-7d9f8b6c5-x2x4z", "production", uuid.UUID(int=0x5F0C6E1FA2B94C57B1D8E04E7A120001), MOMENT,
        labels={"app": "service", "tier": "backend", "pod-template-hash": "7d9f8b6c5"},
        annotations={"prometheus.io/scrape": "true", "prometheus.io/port": "9090"},
        containers=[container(1), container(2)],
        termination_grace_period_seconds=30, dns_policy="ClusterFirst", node_selector={"disk": "ssd"},
        service_account_name="service", node_name="node-17",
        tolerations=[{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}],
    )  # fmt: skip


def party(name: str) -> Party:
    """A party."""
    return Party("0088:5798009882806", name, Address("12 St James Square", "Ely", "CB7 4JX", "GB"), "GB123456782")


def line(number: int) -> InvoiceLine:
    """A line."""
    price = Decimal("19.99")
    identifier = uuid.UUID(int=0x1000 + number)
    return InvoiceLine(
        number, Decimal(number), "EA", number * price, f"Punched cards, set {number}", identifier, price, 20
    )


def invoice() -> Invoice:
    """An invoice of five lines."""
    return Invoice(
        id="INV-2026-00017", uuid=uuid.UUID(int=0x5F0C6E1FA2B94C57B1D8E04E7A120002), issue_date=date(2026, 3, 1),
        issue_time=time(12, 30, 15), due_date=date(2026, 3, 31), type_code=DocumentType.INVOICE,
        document_currency="GBP", tax_currency=None, buyer_reference="0150abc", order_reference="ORD-17",
        contract_reference=None,
        period_start=date(2026, 2, 1), period_end=date(2026, 2, 28), supplier=party("Analytical Engines Ltd"),
        customer=party("Difference Works"), payment_means="transfer", payment_id="RF18539007547034",
        payee_account="GB33BUKB20201555555555", delivery_date=None,
        tax_subtotals=[TaxSubtotal(Decimal("299.85"), Decimal("59.97"), "S", 20)], tax_amount=Decimal("59.97"),
        line_extension_amount=Decimal("299.85"), tax_exclusive_amount=Decimal("299.85"),
        tax_inclusive_amount=Decimal("359.82"), prepaid=Amount(Decimal("0.00"), "GBP"),
        payable=Amount(Decimal("359.82"), "GBP"), lines=[line(number) for number in range(1, 6)],
        notes=["Payable within 30 days"], is_copy=False, signed_at=MOMENT, digest=bytes(range(32)),
    )  # fmt: skip


def all_samples() -> Iterator[tuple[str, Sample]]:
    """Each application's value, with its name."""
    for value in (repository(), pod(), invoice()):
        yield type(value).__name__.lower(), Sample("", type(value), value)
