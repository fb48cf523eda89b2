"""A local gRPC server that implements ``google.cloud.billing.v1.CloudCatalog/ListSkus``, with paging and
refusals.

The real client, its transport and its protobuf messages are used; only the address differs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from google.auth.credentials import AnonymousCredentials
from google.cloud import billing_v1
from google.cloud.billing_v1.services.cloud_catalog.transports import CloudCatalogGrpcTransport

METHOD = "google.cloud.billing.v1.CloudCatalog"


def sku(
    description: str,
    units: int,
    nanos: int,
    *,
    usage_type: str = "OnDemand",
    unit: str = "h",
    regions: Sequence[str] = ("us-central1",),
    free_until: float = 0,
) -> billing_v1.Sku:
    """One SKU priced ``units + nanos/1e9`` USD per unit, after an optional free tier."""
    rate = billing_v1.PricingExpression.TierRate
    tiers = [
        rate(
            start_usage_amount=free_until, unit_price={"currency_code": "USD", "units": units, "nanos": nanos}
        )
    ]
    if free_until:
        tiers.insert(0, rate(start_usage_amount=0, unit_price={"currency_code": "USD"}))
    return billing_v1.Sku(
        description=description,
        sku_id=description[:12],
        category=billing_v1.Category(resource_family="Compute", usage_type=usage_type),
        service_regions=list(regions),
        pricing_info=[
            billing_v1.PricingInfo(
                pricing_expression=billing_v1.PricingExpression(usage_unit=unit, tiered_rates=tiers)
            )
        ],
    )


@contextmanager
def catalog_client(
    skus: Sequence[billing_v1.Sku], *, page_size: int = 3, refuse_with: grpc.StatusCode | None = None
) -> Iterator[billing_v1.CloudCatalogClient]:
    """A client connected to a server that lists ``skus``."""

    def list_skus(request: Any, context: grpc.ServicerContext) -> Any:
        if refuse_with is not None:
            context.abort(refuse_with, "refused")
        assert request.parent == "services/6F81-5844-456A"
        start = int(request.page_token or 0)
        end = start + page_size
        answer = billing_v1.ListSkusResponse(
            skus=skus[start:end], next_page_token=str(end) if end < len(skus) else ""
        )
        return billing_v1.ListSkusResponse.pb(answer)

    handler = grpc.unary_unary_rpc_method_handler(
        list_skus,
        request_deserializer=billing_v1.ListSkusRequest.pb().FromString,
        response_serializer=lambda message: message.SerializeToString(),
    )
    server = grpc.server(ThreadPoolExecutor(max_workers=2))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(METHOD, {"ListSkus": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    try:
        transport = CloudCatalogGrpcTransport(channel=channel, credentials=AnonymousCredentials())
        yield billing_v1.CloudCatalogClient(transport=transport)
    finally:
        channel.close()
        server.stop(None).wait()
