"""Raw GPU names as drivers, clouds and catalogues write them."""

from __future__ import annotations

import pytest
from token_pricing import SEEDS

from ingest.prices.gpu_names import GpuNameRules, normalise_gpu_name, read_gpu_names


@pytest.fixture(scope="module")
def rules() -> GpuNameRules:
    return read_gpu_names(SEEDS)


GOLDEN = [
    ("NVIDIA H100 80GB HBM3", "H100", "SXM", 80),
    ("H100 SXM", "H100", "SXM", 80),
    ("NVIDIA H100 SXM5", "H100", "SXM", 80),
    ("HGX H100", "H100", "SXM", 80),
    ("NVIDIA HGX H100 SXM", "H100", "SXM", 80),
    ("NVIDIA H100-SXM-80GB", "H100", "SXM", 80),
    ("nvidia-h100-80gb", "H100", "SXM", 80),
    ("nvidia-h100-mega-80gb", "H100", "SXM", 80),
    ("h100", "H100", "SXM", 80),
    ("NVIDIA H100 PCIe", "H100", "PCIe", 80),
    ("NVIDIA H100 PCIe NVLink", "H100", "PCIe", 80),
    ("NVIDIA H100", "H100", "", 80),
    ("Nvidia H100 GPU", "H100", "", 80),
    ("NVIDIA H100 NVL", "H100 NVL", "NVL", 94),
    ("H100NVL", "H100 NVL", "NVL", 94),
    ("NC40ads_H100_v5", "H100 NVL", "NVL", 94),
    ("h100-80gb-pcap", "H100", "SXM", 80),
    ("NVIDIA H200", "H200", "SXM", 141),
    ("NVIDIA H200-NVL-141GB", "H200", "NVL", 141),
    ("Virtualized NVIDIA H200-SXM-141GB", "H200", "SXM", 141),
    ("NVIDIA GH200 480GB", "GH200", "superchip", 96),
    ("Nvidia GH200 GPU", "GH200", "superchip", 96),
    ("NVIDIA GB200", "GB200", "superchip", 186),
    ("GB300 SXM6", "GB300", "superchip", 288),
    ("NVIDIA B200-SXM-180GB", "B200", "SXM", 180),
    ("NVIDIA HGX B300", "B300", "SXM", 288),
    ("NVIDIA A100-SXM4-80GB", "A100", "SXM", 80),
    ("NVIDIA A100-SXM4-40GB", "A100", "SXM", 40),
    ("A100 SXM", "A100", "SXM", None),
    ("NVIDIA A100 NVLink", "A100", "SXM", None),
    ("NVIDIA A100 80GB PCIe", "A100", "PCIe", 80),
    ("NVIDIA A100-PCIE-40GB", "A100", "PCIe", 40),
    ("nvidia-tesla-a100", "A100", "", 40),
    ("nvidia-a100-80gb", "A100", "", 80),
    ("NVIDIA A100", "A100", "", None),
    ("A800 80G", "A800", "", None),
    ("GRID A100-40C", "A100", "vGPU", None),
    ("GRID T4-8Q", "T4", "vGPU", None),
    ("NVIDIA L40S", "L40S", "PCIe", 48),
    ("NVIDIA L40", "L40", "PCIe", 48),
    ("NVIDIA L4", "L4", "PCIe", 24),
    ("nvidia-l4", "L4", "PCIe", 24),
    ("Tesla T4", "T4", "PCIe", 16),
    ("T4G", "T4G", "PCIe", 16),
    ("NVIDIA A10G", "A10G", "PCIe", 24),
    ("NVIDIA A10", "A10", "PCIe", 24),
    ("NVIDIA A16", "A16", "PCIe", 16),
    ("NVIDIA A30", "A30", "PCIe", 24),
    ("NVIDIA A40", "A40", "PCIe", 48),
    ("NVIDIA RTX PRO 6000 Blackwell Server Edition", "RTX PRO 6000", "PCIe", 96),
    ("NVIDIA RTX 6000 Pro", "RTX PRO 6000", "PCIe", 96),
    ("RTX PRO 6000 WE", "RTX PRO 6000", "PCIe", 96),
    ("NVIDIA RTX 6000 Ada Generation", "RTX 6000 Ada", "PCIe", 48),
    ("NVIDIA A6000", "RTX A6000", "PCIe", 48),
    ("NVIDIA RTX A6000", "RTX A6000", "PCIe", 48),
    ("Quadro RTX 6000", "Quadro RTX 6000", "PCIe", 24),
    ("AMD Instinct MI300X 192GB HBM3", "MI300X", "OAM", 192),
    ("AMD Instinct MI325X 256GB HBM3e", "MI325X", "OAM", 256),
    ("AMD Instinct MI350X", "MI350X", "OAM", 288),
    ("AMD Instinct MI355X", "MI355X", "OAM", 288),
    ("AMD MI250 GPU", "MI250", "OAM", 128),
]


@pytest.mark.parametrize(("raw", "model", "form", "vram"), GOLDEN)
def test_raw_name_is_recognised(
    rules: GpuNameRules, raw: str, model: str, form: str, vram: int | None
) -> None:
    found = rules.find(raw)
    assert found is not None, raw
    assert (found.gpu_model, found.form_factor, found.vram_gb) == (model, form, vram)


@pytest.mark.parametrize(
    "raw", ["NVIDIA L400", "AMD EPYC 9654", "GeForce GTX 1080", "H1000", "", "Tesla K80"]
)
def test_unknown_name_stays_unknown(rules: GpuNameRules, raw: str) -> None:
    assert rules.find(raw) is None


def test_normalisation_folds_case_and_separators() -> None:
    assert normalise_gpu_name("  NVIDIA_A100-SXM4--80GB ") == "nvidia a100 sxm4 80gb"
