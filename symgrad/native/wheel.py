"""A wheel of an exported package: a zip file with the package and its metadata (PEP 427), the same bytes each time.

The format is a page long, and the libraries that write it (hatchling, setuptools, flit) start from a project on disk.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import sys
import sysconfig
import zipfile
from pathlib import Path

__all__ = ["wheel_of"]

_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest a zip file knows


def wheel_of(folder: Path) -> tuple[str, bytes]:
    """Return file name and content of the wheel of a package that stands in ``folder``."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    name, version = manifest["name"], manifest["version"]
    content = {f"{name}/{file}": (folder / file).read_bytes() for file in (*manifest["files"], "manifest.json")}
    stable = manifest["build"]["python"] == "abi3"
    own = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    tag = f"cp311-abi3-{platform}" if stable else f"{own}-{own}-{platform}"
    info = f"{name}-{version}.dist-info"
    functions = "\n".join(f"- {f['prototype']}" for f in manifest["functions"].values())
    content[f"{info}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: Functions compiled by symgrad {manifest['symgrad']}\n"
        f"Requires-Python: >=3.11\nRequires-Dist: numpy\nRequires-Dist: cffi\n\n{functions}\n"
    ).encode()
    content[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: symgrad {manifest['symgrad']}\nRoot-Is-Purelib: false\nTag: {tag}\n"
    ).encode()
    rows = [f"{file},sha256={_digest(data)},{len(data)}" for file, data in sorted(content.items())]
    content[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""]).encode()
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, data in sorted(content.items()):
            entry = zipfile.ZipInfo(file, _TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if file.endswith((".so", ".pyd")) else 0o100644) << 16
            archive.writestr(entry, data)
    return f"{name}-{version}-{tag}.whl", made.getvalue()


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
