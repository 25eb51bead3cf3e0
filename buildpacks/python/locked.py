"""Prints a lockfile (uv.lock, poetry.lock, pdm.lock, pylock.toml, Pipfile.lock) as requirements with hashes: what this Python needs to run, no development groups."""
import json
import sys
import tomllib

from pip._vendor.packaging.markers import Marker


def applies(marker):
    return not marker or Marker(marker).evaluate({"extra": ""})


def line(name, version, hashes):
    return " ".join([f"{name}=={version}"] + sorted({f"--hash={one}" for one in hashes if one}))


def uv(lock):
    packages = {}
    for package in lock.get("package", []):
        packages.setdefault(package["name"], []).append(package)
    roots = [p for p in lock.get("package", []) if {"virtual", "editable"} & p.get("source", {}).keys()]
    todo, seen = [d for root in roots for d in root.get("dependencies", [])], {}
    while todo:
        wanted = todo.pop()
        if not applies(wanted.get("marker")):
            continue
        candidates = [p for p in packages[wanted["name"]] if wanted.get("version", p.get("version")) == p.get("version")]
        package = candidates[0]
        if {"virtual", "editable"} & package.get("source", {}).keys():
            continue
        extras = [d for extra in wanted.get("extra", []) for d in package.get("optional-dependencies", {}).get(extra, [])]
        todo += extras
        if package["name"] in seen:
            continue
        seen[package["name"]] = package
        todo += package.get("dependencies", [])
    for name, package in sorted(seen.items()):
        files = package.get("wheels", []) + [package.get("sdist", {})]
        yield line(name, package["version"], [one.get("hash") for one in files])


def poetry(lock):
    for package in lock.get("package", []):
        markers = package.get("markers")
        marker = markers.get("main") if isinstance(markers, dict) else markers
        if "main" not in package.get("groups", [package.get("category", "main")]) or package.get("optional") or not applies(marker):
            continue
        yield line(package["name"], package["version"], [one.get("hash") for one in package.get("files", [])])


def pipenv(lock):
    for name, package in sorted(lock.get("default", {}).items()):
        if applies(package.get("markers")):
            yield line(name, package["version"].removeprefix("=="), package.get("hashes", []))


def pdm(lock):
    for package in lock.get("package", []):
        if "default" in package.get("groups", ["default"]) and applies(package.get("marker")):
            yield line(package["name"], package["version"], [one.get("hash") for one in package.get("files", [])])


def pylock(lock):
    for package in lock.get("packages", []):
        files = package.get("wheels", []) + [package.get("sdist", {})]
        hashes = [f"{kind}:{value}" for one in files for kind, value in one.get("hashes", {}).items()]
        if applies(package.get("marker")):
            yield line(package["name"], package["version"], hashes)


path = sys.argv[1]
with open(path, "rb") as file:
    content = json.load(file) if path.endswith("Pipfile.lock") else tomllib.load(file)
reader = {"uv.lock": uv, "poetry.lock": poetry, "pdm.lock": pdm, "pylock.toml": pylock, "Pipfile.lock": pipenv}[path]
print("\n".join(reader(content)))
