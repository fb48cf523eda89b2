"""A local server that speaks what boto3 speaks to AWS: the Price List API (AWS JSON 1.1) and EC2 (query
protocol, XML).

It checks the signature header, applies the filters, pages with tokens, and can refuse or throttle. The
products are a cut of the public price list; nothing of boto3 is replaced.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

EC2_XMLNS = "http://ec2.amazonaws.com/doc/2016-11-15/"


def product(
    name: str,
    on_demand: str,
    *,
    region: str = "us-east-1",
    effective: str = "2026-11-01T00:00:00Z",
    reserved: Mapping[str, str] | None = None,
    **attributes: str,
) -> dict[str, Any]:
    """One product of the price list; ``reserved`` maps a lease length to its no-upfront hourly price."""

    def term(usd: str, unit: str = "Hrs", **term_attributes: str) -> dict[str, Any]:
        dimension = {"unit": unit, "pricePerUnit": {"USD": usd}, "beginRange": "0", "endRange": "Inf"}
        return {
            "priceDimensions": {"X": dimension},
            "effectiveDate": effective,
            "termAttributes": term_attributes,
        }

    leases = {
        f"R{years}{option}": term(
            usd, LeaseContractLength=years, OfferingClass="standard", PurchaseOption=option
        )
        for years, usd in (reserved or {}).items()
        for option in ("No Upfront", "All Upfront")
    }
    described = {
        "instanceType": name,
        "instanceFamily": "GPU instance",
        "regionCode": region,
        "operatingSystem": "Linux",
        "tenancy": "Shared",
        "preInstalledSw": "NA",
        "capacitystatus": "Used",
        "marketoption": "OnDemand",
    }
    return {
        "product": {"sku": name.upper(), "attributes": described | attributes},
        "terms": {"OnDemand": {"O": term(on_demand)}, "Reserved": leases},
    }


@dataclass
class AwsPrices:
    """What the server knows and what it was asked."""

    products: list[dict[str, Any]] = field(default_factory=list)
    instance_types: dict[str, tuple[str, int, int, int, int]] = field(default_factory=dict)
    """name -> GPU name, GPUs, MiB per GPU, vCPUs, memory MiB"""
    spot: list[tuple[str, str, str, datetime]] = field(default_factory=list)
    """instance type, zone, price, instant of the change"""
    page_size: int = 2
    refuse_with: str = ""
    calls: list[str] = field(default_factory=list)
    endpoint: str = ""


@contextmanager
def aws_price_server(prices: AwsPrices) -> Iterator[AwsPrices]:
    """Serve ``prices`` on a free local port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            signed = self.headers.get("Authorization", "").startswith("AWS4-HMAC-SHA256 Credential=")
            is_json = self.headers["Content-Type"] == "application/x-amz-json-1.1"
            code = "" if signed else "MissingAuthenticationToken"
            code = code or prices.refuse_with
            if is_json:
                answer = {"__type": code, "message": code} if code else _pricing(self.headers, body, prices)
                self._send(400 if code else 200, json.dumps(answer), "application/x-amz-json-1.1")
            elif code:
                error = f"<Response><Errors><Error><Code>{code}</Code><Message/></Error></Errors></Response>"
                self._send(400, error, "text/xml")
            else:
                self._send(200, _ec2(parse_qs(body), prices), "text/xml")

        def _send(self, status: int, text: str, content_type: str) -> None:
            data = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Stay silent in tests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    prices.endpoint = f"http://127.0.0.1:{server.server_port}"
    try:
        yield prices
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _pricing(headers: Mapping[str, str], body: str, prices: AwsPrices) -> dict[str, Any]:
    assert headers["X-Amz-Target"] == "AWSPriceListService.GetProducts"
    asked = json.loads(body)
    assert asked["ServiceCode"] == "AmazonEC2" and asked["FormatVersion"] == "aws_v1"
    prices.calls.append("GetProducts")
    wanted = {f["Field"]: f["Value"] for f in asked["Filters"] if f["Type"] == "TERM_MATCH"}
    found = [p for p in prices.products if wanted.items() <= p["product"]["attributes"].items()]
    start = int(asked.get("NextToken", "0"))
    end = start + prices.page_size
    answer: dict[str, Any] = {
        "FormatVersion": "aws_v1",
        "PriceList": [json.dumps(p) for p in found[start:end]],
    }
    return answer | ({"NextToken": str(end)} if end < len(found) else {})


def _ec2(form: Mapping[str, list[str]], prices: AwsPrices) -> str:
    action = form["Action"][0]
    prices.calls.append(action)
    if action == "DescribeInstanceTypes":
        wanted = {value[0] for key, value in form.items() if key.startswith("Filter.1.Value.")}
        items = "".join(_instance_type(n, *s) for n, s in prices.instance_types.items() if n in wanted)
        found = f"<instanceTypeSet>{items}</instanceTypeSet>"
        return f'<{action}Response xmlns="{EC2_XMLNS}">{found}</{action}Response>'
    assert form["ProductDescription.1"] == ["Linux/UNIX"] and "StartTime" in form
    wanted = {value[0] for key, value in form.items() if key.startswith("InstanceType.")}
    items = "".join(
        f"<item><instanceType>{name}</instanceType><productDescription>Linux/UNIX</productDescription>"
        f"<spotPrice>{usd}</spotPrice><timestamp>{at.strftime('%Y-%m-%dT%H:%M:%S.000Z')}</timestamp>"
        f"<availabilityZone>{zone}</availabilityZone></item>"
        for name, zone, usd, at in prices.spot
        if name in wanted
    )
    return (
        f'<{action}Response xmlns="{EC2_XMLNS}"><spotPriceHistorySet>{items}</spotPriceHistorySet>'
        f"<nextToken/></{action}Response>"
    )


def _instance_type(name: str, gpu: str, count: int, gpu_mib: int, vcpus: int, mib: int) -> str:
    return (
        f"<item><instanceType>{name}</instanceType><vCpuInfo><defaultVCpus>{vcpus}</defaultVCpus></vCpuInfo>"
        f"<memoryInfo><sizeInMiB>{mib}</sizeInMiB></memoryInfo><gpuInfo><gpus><item><name>{gpu}</name>"
        f"<manufacturer>NVIDIA</manufacturer><count>{count}</count>"
        f"<memoryInfo><sizeInMiB>{gpu_mib}</sizeInMiB></memoryInfo></item></gpus></gpuInfo></item>"
    )
