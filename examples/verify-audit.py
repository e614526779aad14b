#!/usr/bin/env python3
"""Checks an audit log away from the service that wrote it, with nothing of it installed: Python 3 and openssl are enough.

    verify-audit.py ENTRIES CHECKPOINTS JWKS [WITNESS]

ENTRIES      a JSON array of all audit entries from the first on, as GET .../audit-log?sort=sequence gives them
CHECKPOINTS  a JSON array of checkpoints, as GET .../audit-log/checkpoints gives them
JWKS         /.well-known/jwks.json
WITNESS      the file of the organization that the service keeps in its data directory, audit/<organization>.jsonl

Exit status: 0 where everything fits, 1 where something does not, which is named.
"""

import base64
import hashlib
import json
import subprocess
import sys
import tempfile


def number(value):
    """A number as ECMAScript writes it (RFC 8785, section 3.2.2.3)."""
    if isinstance(value, int):
        return str(value)
    if value == 0:
        return "0"
    sign, value = ("-" if value < 0 else ""), abs(value)
    text = repr(value)
    mantissa, _, exponent = (text if "e" in text else text + "e0").partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    point = len(whole) + int(exponent)
    digits = (whole + fraction).lstrip("0")
    point -= len(whole + fraction) - len(digits)
    digits = digits.rstrip("0")
    if len(digits) <= point <= 21:
        body = digits + "0" * (point - len(digits))
    elif 0 < point <= 21:
        body = digits[:point] + "." + digits[point:]
    elif -6 < point <= 0:
        body = "0." + "0" * -point + digits
    else:
        shown = digits[0] + ("." + digits[1:] if digits[1:] else "")
        body = f"{shown}e{'-' if point < 1 else '+'}{abs(point - 1)}"
    return sign + body


def canonical(value):
    """The canonical form of JSON (RFC 8785)."""
    if isinstance(value, dict):
        members = sorted(value.items(), key=lambda member: member[0].encode("utf-16-be"))
        return "{" + ",".join(canonical(name) + ":" + canonical(member) for name, member in members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number(value)
    return json.dumps(value, ensure_ascii=False)


HASHED = (
    "id", "org_id", "sequence", "occurred_at", "actor", "action", "resource_type", "resource_id", "revision", "before", "after",
    "request_id", "feed",
)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def hash_of(entry):
    form = canonical({name: entry[name] for name in HASHED})
    return sha256(bytes.fromhex(entry["prev_hash"]), form.encode())


class Tree:
    """A Merkle tree (RFC 9162, section 2.1) that grows leaf by leaf."""

    def __init__(self):
        self.peaks, self.size = [], 0

    def push(self, data):
        level, node = 0, sha256(b"\0", data)
        while self.peaks and self.peaks[-1][0] == level:
            node = sha256(b"\1", self.peaks.pop()[1], node)
            level += 1
        self.peaks.append((level, node))
        self.size += 1

    def root(self):
        node = None
        for _, peak in reversed(self.peaks):
            node = peak if node is None else sha256(b"\1", peak, node)
        return sha256() if node is None else node


# What stands before the 32 bytes of an Ed25519 key in its SubjectPublicKeyInfo (RFC 8410).
SPKI = bytes.fromhex("302a300506032b6570032100")


def is_signed(text, signature, key):
    with tempfile.NamedTemporaryFile() as pem, tempfile.NamedTemporaryFile() as sig, tempfile.NamedTemporaryFile() as message:
        encoded = base64.encodebytes(SPKI + key).decode()
        pem.write(f"-----BEGIN PUBLIC KEY-----\n{encoded}-----END PUBLIC KEY-----\n".encode())
        sig.write(signature)
        message.write(text)
        for file in (pem, sig, message):
            file.flush()
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", pem.name, "-rawin", "-in", message.name, "-sigfile", sig.name]
        return subprocess.run(command, capture_output=True).returncode == 0


def head_of(note, org, keys):
    """The size and root that a note states, where one of the keys signed it."""
    text, _, signatures = note.partition("\n\n")
    text += "\n"
    origin, size, root, _ = text.splitlines()
    if origin != f"sovereign-grc.audit/{org}":
        raise ValueError("the note is of another organization")
    for line in signatures.splitlines():
        dash, name, encoded = line.split(" ")
        blob = base64.b64decode(encoded)
        for key in keys:
            if dash == "\u2014" and blob[:4] == sha256(name.encode(), b"\n\1", key)[:4] and is_signed(text.encode(), blob[4:], key):
                return int(size), base64.b64decode(root)
    raise ValueError("the note is not signed by a known key")


def main():
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    entries, checkpoints, jwks = (json.load(open(name)) for name in sys.argv[1:4])
    lines = [json.loads(line) for line in open(sys.argv[4]) if line.strip()] if len(sys.argv) == 5 else []
    keys = [base64.urlsafe_b64decode(key["x"] + "=") for key in jwks["keys"] if key.get("crv") == "Ed25519"]
    witnessed = {line["first"] + i: known for line in lines if "hashes" in line for i, known in enumerate(line["hashes"])}
    notes = [checkpoint["note"] for checkpoint in checkpoints] + [line["note"] for line in lines if "note" in line]
    if not entries:
        sys.exit("there are no entries")
    org, claims = entries[0]["org_id"], {}
    for note in notes:
        try:
            size, root = head_of(note, org, keys)
        except ValueError as problem:
            sys.exit(f"{problem}: {note}")
        claims.setdefault(size, set()).add(root)
    tree, previous = Tree(), bytes(32)
    for place, entry in enumerate(entries, 1):
        problem = None
        if entry["sequence"] != place:
            sys.exit(f"entry {place} is missing")
        if hash_of(entry).hex() != entry["hash"]:
            problem = "its content does not have its hash"
        elif entry["prev_hash"] != previous.hex():
            problem = "it does not go on from the entry before it"
        elif witnessed.get(place, entry["hash"]) != entry["hash"]:
            problem = "it is not the one that was witnessed"
        previous = bytes.fromhex(entry["hash"])
        tree.push(previous)
        if not problem and claims.pop(place, {tree.root()}) != {tree.root()}:
            problem = "a checkpoint up to here has another root"
        if problem:
            sys.exit(f"entry {place} ({entry['id']}): {problem}")
    if claims or max(witnessed, default=0) > len(entries):
        sys.exit(f"entry {len(entries) + 1} is missing: more was signed or witnessed")
    print(f"{len(entries)} entries, {len(notes)} checkpoints, {len(witnessed)} witnessed: all fit")


if __name__ == "__main__":
    main()
