"""Writes bytecode for what a service imports: `python3 precompile.py MODULE`.

A container's root is read-only and its base brings no bytecode, so without this each start
would compile hundreds of modules anew. Only modules that are really imported get bytecode,
those of the standard library and of packages included; the rest would just make the image
larger. The same sources give the same bytes: no times are written (the interpreter trusts such
bytecode unchecked, which is right where sources cannot change).
"""

import importlib
import py_compile
import sys
from pathlib import Path

# Imported by the first request rather than at the start: the codec for a host's name.
_LATE_MODULES = ("encodings.idna",)


def sources(module: str) -> list[Path]:
    """Return the source files, sorted, of what importing a module imports in all."""
    for name in (module, *_LATE_MODULES):
        importlib.import_module(name)
    specs = (getattr(imported, "__spec__", None) for imported in sys.modules.values())
    origins = {spec.origin for spec in specs if spec is not None and spec.has_location}
    return sorted(Path(origin) for origin in origins if origin.endswith(".py"))


def main() -> None:
    """Compile for the module named on the command line; any error ends the image's build."""
    for source in sources(sys.argv[1]):
        py_compile.compile(
            str(source),
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )


if __name__ == "__main__":
    main()
