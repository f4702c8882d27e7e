"""The head that speaks: USC ICT's light face model (MIT) as `head.glb`, read into numpy. Its recipe is in `head/`."""

from emotalk.head.mesh import HEAD_GLB, Head, MeshPart, load_head

__all__ = ["HEAD_GLB", "Head", "MeshPart", "load_head"]
