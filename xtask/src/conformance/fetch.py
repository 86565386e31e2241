"""Fetches the recorded cases of ONNX's backend test: fetch.py FOLDER.

Downloads one wheel with pip, compares its SHA-256, and unpacks the folders of cases next to FOLDER; only when all is there does
that become FOLDER. Needs Python with pip alone. The wheel is the same one on every machine, whatever Python this is.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile

PACKAGE = "onnx==1.22.0"
SHA256 = "1d0a2bdb15eb2b3cb65c438f3423d9620d14fdce32f92380e6bb1b2e09568ef5"
INSIDE = "onnx/backend/test/data/"
CASES = ("node", "simple", "pytorch-converted", "pytorch-operator")


def main(folder):
    part = folder + ".part"
    shutil.rmtree(part, ignore_errors=True)
    os.makedirs(part)
    machine = ["--platform", "manylinux_2_28_x86_64", "--platform", "manylinux_2_27_x86_64"]
    python = ["--python-version", "3.11", "--implementation", "cp", "--abi", "cp311"]
    pip = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]
    if subprocess.run([*pip, *machine, *python, "--dest", part, PACKAGE]).returncode != 0:
        return f"pip could not download {PACKAGE}: is pip there, and the network?"
    (wheel,) = (os.path.join(part, name) for name in os.listdir(part) if name.endswith(".whl"))
    with open(wheel, "rb") as file:
        found = hashlib.sha256(file.read()).hexdigest()
    if found != SHA256:
        return f"{os.path.basename(wheel)} has the SHA-256 {found}, not {SHA256}: download it again later"
    unpacked = os.path.join(part, "unpacked")
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.startswith(tuple(INSIDE + case + "/" for case in CASES)):
                archive.extract(name, unpacked)
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    os.rename(os.path.join(unpacked, *INSIDE.strip("/").split("/")), folder)
    shutil.rmtree(part)
    return None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
