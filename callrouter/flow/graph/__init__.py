"""Pictures of flows: a layered drawing as SVG, or Mermaid text."""

from callrouter.flow.graph.mermaid import mermaid
from callrouter.flow.graph.picture import Arrow, Box, Picture, picture
from callrouter.flow.graph.svg import svg

__all__ = ["Arrow", "Box", "Picture", "mermaid", "picture", "svg"]
