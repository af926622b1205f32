"""Jinja templates of the HTML pages: all values are escaped, undefined names are errors."""

from __future__ import annotations

import jinja2

from partsight_train.report.text import FILTERS

__all__ = ["template"]


def template(name: str, package: str = "partsight_train.report") -> jinja2.Template:
    """Load a template of a package; it may include templates of the report."""
    packages = dict.fromkeys((package, "partsight_train.report"))
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader(each, "templates") for each in packages]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    return environment.get_template(name)
