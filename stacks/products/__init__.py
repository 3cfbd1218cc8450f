"""What a team may offer in Service Catalog: a module for each product, and its line here."""

from __future__ import annotations

from collections.abc import Mapping

from stacks.products.data_scientist import DataScientist
from stacks.products.emr_cluster import EmrCluster
from stacks.products.model_endpoint import ModelEndpoint
from stacks.products.notebook_instance import NotebookInstance
from stacks.products.product import Product
from stacks.products.project_workspace import ProjectWorkspace

PRODUCTS: Mapping[str, type[Product]] = {
    "data_scientist": DataScientist,
    "notebook_instance": NotebookInstance,
    "emr_cluster": EmrCluster,
    "model_endpoint": ModelEndpoint,
    "project_workspace": ProjectWorkspace,
}
"""By their keys in the environment file."""
