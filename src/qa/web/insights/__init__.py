"""The insights page of the policy office."""

from __future__ import annotations

from qa.web.insights.page import add_export, insights_page
from qa.web.insights.view import Insights

__all__ = ["Insights", "add_export", "insights_page"]
