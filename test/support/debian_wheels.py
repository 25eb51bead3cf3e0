"""Turns Debian's own Python packages into wheels: debian_wheels.py FOLDER PACKAGE…, in a container of the build image, as root."""
import base64
import csv
import hashlib
import io
import os
import re
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

DIST = "usr/lib/python3/dist-packages"
folder, packages = Path(sys.argv[1]), sys.argv[2:]
folder.mkdir(parents=True)
work = Path("/tmp/debs")
work.mkdir()
subprocess.run(["apt-get", "update", "-qq"], check=True)
subprocess.run(["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", *packages], check=True, cwd=work)


def requirements(text):
    """requires.txt of setuptools as Requires-Dist; extras are left out."""
    marker, lines = "", []
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            extra, _, marker = line.strip("[]").partition(":")
            marker = None if extra else marker
        elif line and marker is not None:
            lines.append(f"Requires-Dist: {line}" + (f" ; {marker}" if marker else ""))
    return lines


def info_of(root):
    (info,) = [one for one in root.iterdir() if one.name.endswith((".dist-info", ".egg-info"))]
    return info


def debian(deb, field):
    return subprocess.run(["dpkg-deb", "-f", deb, field], check=True, capture_output=True, text=True).stdout.strip()


def metadata(info):
    if info.name.endswith(".dist-info"):
        return (info / "METADATA").read_text()
    text = info.read_text() if info.is_file() else (info / "PKG-INFO").read_text()
    head, _, body = text.partition("\n\n")
    kept = [line for line in head.splitlines() if not line.startswith("Requires-Dist")]
    needs = info / "requires.txt"
    more = requirements(needs.read_text()) if info.is_dir() and needs.exists() else []
    return "\n".join(kept + more) + "\n\n" + body


def pack(root, needs):
    """Debian moves what a package needs from its metadata into Depends: `needs` brings it back."""
    info = info_of(root)
    head, _, body = metadata(info).partition("\n\n")
    more = [f"Requires-Dist: {name}" for name in needs if f"Requires-Dist: {name.lower()}" not in head.lower()]
    text = "\n".join([head.rstrip("\n"), *more]) + "\n\n" + body
    about = Parser().parsestr(text)
    name = re.sub(r"[-_.]+", "_", about["Name"])
    stem = f"{name}-{about['Version']}"
    files = [path for path in root.rglob("*") if path.is_file() and info not in path.parents and path != info and "__pycache__" not in path.parts]
    binary = any(path.suffix == ".so" for path in files)
    tag = f"cp3{sys.version_info.minor}-cp3{sys.version_info.minor}-linux_{os.uname().machine}" if binary else "py3-none-any"
    content = {str(path.relative_to(root)): path.read_bytes() for path in files}
    content[f"{stem}.dist-info/METADATA"] = text.encode()
    content[f"{stem}.dist-info/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: debian\nRoot-Is-Purelib: {str(not binary).lower()}\nTag: {tag}\n".encode()
    scripts = info / "entry_points.txt"
    if info.is_dir() and scripts.exists():
        content[f"{stem}.dist-info/entry_points.txt"] = scripts.read_bytes()
    record = io.StringIO()
    rows = csv.writer(record, lineterminator="\n")
    for path, data in content.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.writerow([path, f"sha256={digest}", len(data)])
    rows.writerow([f"{stem}.dist-info/RECORD", "", ""])
    content[f"{stem}.dist-info/RECORD"] = record.getvalue().encode()
    with zipfile.ZipFile(folder / f"{stem}-{tag}.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
        for path, data in content.items():
            wheel.writestr(zipfile.ZipInfo(path), data)


roots, projects = {}, {}
for deb in sorted(work.glob("*.deb")):
    subprocess.run(["dpkg", "-x", deb, work / deb.stem], check=True)
    roots[deb] = work / deb.stem / DIST
    projects[debian(deb, "Package")] = Parser().parsestr(metadata(info_of(roots[deb])))["Name"]
for deb, root in roots.items():
    wanted = re.findall(r"python3-[a-z0-9.+-]+", debian(deb, "Depends"))
    pack(root, [projects[name] for name in dict.fromkeys(wanted) if name in projects])
