#!/usr/bin/env python3
"""Turns every check of mls/ off, one at a time, and expects the tests to turn red.

  tests/mls/checks_off.py build SCRATCH     copies the sources, gives each check a number and a switch, and builds once
  tests/mls/checks_off.py run SCRATCH [N..] runs the tests with each check (or those) off; lists what no test missed
  tests/mls/checks_off.py list SCRATCH      the numbered checks

A check is a statement that refuses: `return <error>`, `RETURN_IF_ERROR(...)`, `status.Update(<error>)`, or a last
`return Check...(...)`. Switched off, the statement is skipped (or gives OK). The switch is the environment variable
MLS_CHECK_OFF, so all of them share one build. Takes minutes, needs PLUMBLINE_VECTORS or the default folder; not part of
`./dev test`. Exit code 1 if a check can be taken out unnoticed and is not in KNOWN below.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
COPIED = ["CMakeLists.txt", "CMakePresets.json", "cmake", "common", "mls", "tests/mls", "tests/vectors",
          "tests/status_matchers.h"]
# Seconds together, with one suite where a test has all; what these do not notice the others are asked about.
ONE_SUITE = "-" + ":".join(f"*Suite*.*/{n}" for n in range(1, 7))
QUICK = ["mls_rules_test", "mls_external_test", "mls_key_schedule_test", "mls_credential_test", "mls_cipher_suite_test"]
SLOW = ["mls_cipher_suite_test", "mls_mutation_test", "mls_crypto_vector_test", "mls_group_test", "mls_external_test",
        "mls_vector_test"]
TESTS = sorted({*QUICK, *SLOW})

# Checks that nothing can miss, with the reason. By file and a piece of the statement.
KNOWN = [
    ("commit_rules.cc", "committer is not a member", "the sender was found in the tree before"),
    ("commit_taking.cc", "keys of the own Update are gone", "they go with the proposal, which is then unknown"),
    ("commit_taking.cc", "external commit lacks its path", "its key comes from the path: SenderKey asks first"),
    ("proposal_rules.cc", "Update from someone who is not a member", "CheckKindFor and SenderKey ask first"),
    ("proposal_rules.cc", "a new member may propose nothing but its Add", "SenderKey asks first"),
    ("proposal_rules.cc", "unknown proposal type", "the parser knows seven"),
    ("proposal_rules.cc", "unknown sender type", "the parser knows four"),
    ("group_epoch.cc", "PSK of this usage has no place here", "CheckPsk and FindLink ask first"),
    ("group_external.cc", "CheckExternalProposalList", "the list is our own"),
    ("crypto/hpke.cc", "no numbers left", "after 2^64 messages"),
    ("crypto/curve448.cc", "Ed448 key or signature has the wrong size", "libcrypto asks as well"),
    ("secret_tree.cc", "the secret tree has lost a leaf", "our own mistake"),
    ("x509_authentication.cc", "certificate is too large", "ReadCredential has the same bound"),
    ("crypto/nist_curve.cc", "could not agree", "both keys were checked: libcrypto's own failure"),
]

ERROR = r"(?:Invalid|Refused|Broken|BadKey|NotAscending|absl::[A-Z]\w+Error)\("
START = re.compile(rf"(?<![\w.])(?:return (?:{ERROR}|(?:Check|Verify|VerifyLeafNodeSignature)\w*\(|"
                   rf"(?:judge\.authentication\.Validate|suite->VerifyWithLabel|suite\.VerifyWithLabel)\()"
                   rf"|RETURN_IF_ERROR\(|status\.Update\()")
SWITCH = """#pragma once
#include <cstdlib>
namespace plumbline::mls::mutant {
inline bool Off(int check) {
  static const int off = std::getenv("MLS_CHECK_OFF") ? std::atoi(std::getenv("MLS_CHECK_OFF")) : 0;
  return check == off;
}
}
"""


def closing(text, at):
    """The index after the parenthesis that closes the one at `at`; strings and characters are skipped."""
    depth = 0
    quote = None
    i = at
    while i < len(text):
        c = text[i]
        if quote:
            if c == "\\":
                i += 1
            elif c == quote:
                quote = None
        elif c in "\"'" and not (c == "'" and text[i - 1].isalnum()):
            quote = c
        elif c == "(":
            depth += 1
        elif c == ")":
            depth -= 1
            if depth == 0:
                return i + 1
        i += 1
    raise ValueError("unbalanced")


def returns_status(text, at):
    """Whether the function or lambda around `at` returns a plain absl::Status."""
    head = text[:at]
    functions = list(re.finditer(r"^(?!namespace|}|//|#|template|using|constexpr|struct|class)(\S.*?)\(", head, re.M))
    function = functions[-1].group(1) if functions else ""
    inner = list(re.finditer(r"\[&?\w*\]\([^)]*\)\s*(->\s*[\w:]+)?\s*\{", head[functions[-1].start():] if functions else head))
    if inner and head[functions[-1].start():][inner[-1].end():].count("}") <= head[functions[-1].start():][inner[-1].end():].count("{"):
        return inner[-1].group(1) is None or "Status" in inner[-1].group(1)
    return function.startswith("absl::Status ") or " absl::Status " in " " + function


def mutate(path, text, first):
    """The text with switches, and the checks as (number, file, line, statement)."""
    out, checks, last = [], [], 0
    for match in START.finditer(text):
        if match.start() < last:
            continue
        line_start = text.rfind("\n", 0, match.start()) + 1
        if "//" in text[line_start:match.start()] or text[line_start:line_start + 1] == "#":
            continue
        if re.match(rf"absl::Status {ERROR}", text[line_start:]):
            continue  # the helper that makes the error
        opening = match.end() - 1
        end = closing(text, opening)
        if text[end:end + 1] != ";":
            continue  # part of a larger expression
        statement = text[match.start():end]
        before, after = text[:match.start()].rstrip(), text[end + 1:].lstrip()
        is_return = statement.startswith("return")
        number = first + len(checks)
        body = statement[len("return "):] if is_return else statement
        guarded = before.endswith(")") or before.endswith("{") and re.search(r"\)\s*\{$", before) and \
            re.search(r"(if|for|while)\b[^;{}]*\{$", before)
        if not is_return or guarded:
            replacement = f"if (!mutant::Off({number})) {statement}"
        elif after.startswith(("}", "case ", "default:")) or before.endswith(":"):
            if not returns_status(text, match.start()):
                continue  # the last word of a function that gives a value: nothing can take its place
            replacement = f"return mutant::Off({number}) ? absl::OkStatus() : absl::Status({body})"
        else:
            replacement = f"if (!mutant::Off({number})) {statement}"
        out.append(text[last:match.start()] + replacement)
        last = end
        line = text.count("\n", 0, match.start()) + 1
        checks.append((number, str(path), line, " ".join(statement.split())))
    out.append(text[last:])
    return "".join(out), checks


def build(scratch):
    for name in COPIED:
        source, target = ROOT / name, scratch / "src" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            shutil.copy2(source, target)
    (scratch / "src/mls/mutant.h").write_text(SWITCH)
    checks = []
    for path in sorted((scratch / "src/mls").rglob("*.cc")):
        if path.name == "group_store.cc" or "codec" in path.name:
            continue  # storage of our own: tests/mls/mutation_test.cc has it as a whole
        text, found = mutate(path.relative_to(scratch / "src"), path.read_text(), len(checks) + 1)
        if found:
            include = text.index("#include")
            path.write_text(text[:include] + '#include "mls/mutant.h"\n' + text[include:])
        checks += found
    (scratch / "checks.json").write_text(json.dumps(checks, indent=0))
    print(len(checks), "checks")
    subprocess.run(["cmake", "-S", scratch / "src", "-B", scratch / "build", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                    "-DCMAKE_CXX_FLAGS=-O1", "-DPLUMBLINE_PARTS=common;mls;tests/vectors;tests/mls"],
                   check=True, stdout=subprocess.DEVNULL)
    return subprocess.run(["cmake", "--build", scratch / "build", "-j2", "--target", *TESTS]).returncode


def red(scratch, number, tests):
    """The first test that notices, or None."""
    env = dict(os.environ, MLS_CHECK_OFF=str(number), GTEST_BRIEF="1")
    if tests is QUICK:
        env["GTEST_FILTER"] = ONE_SUITE
    env.setdefault("PLUMBLINE_VECTORS", str(ROOT.parent / "shared/vectors"))
    for test in tests:
        try:
            done = subprocess.run([scratch / "build/bin" / test], env=env, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, timeout=300)
        except subprocess.TimeoutExpired:
            return test + " (without end)"
        if done.returncode != 0:
            return test
    return None


def is_known(check):
    return any(file in check[1] and piece in check[3] for file, piece, _ in KNOWN)


def run(scratch, wanted):
    checks = json.loads((scratch / "checks.json").read_text())
    if red(scratch, 0, TESTS) is not None:
        sys.exit("the tests fail with every check on")
    chosen = [c for c in checks if not wanted or c[0] in wanted]
    left = [c for c in chosen if not is_known(c)]
    known = len(chosen) - len(left)
    for tests in (QUICK, SLOW):
        print("not noticed by", *tests, flush=True)
        missed = []
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for check, test in zip(left, pool.map(lambda c: red(scratch, c[0], tests), left)):
                if test is None:
                    missed.append(check)
                    print("  {0} {1}:{2}: {3}".format(*check), flush=True)
        left = missed
    print(f"{len(chosen)} checks: {len(chosen) - len(left) - known} turned a test red, {known} known, "
          f"{len(left)} unnoticed")
    return 1 if left else 0


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("build", "run", "list"):
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[2]).resolve()
    if sys.argv[1] == "build":
        sys.exit(build(folder))
    if sys.argv[1] == "list":
        for entry in json.loads((folder / "checks.json").read_text()):
            print("{0} {1}:{2}: {3}".format(*entry))
        sys.exit(0)
    sys.exit(run(folder, {int(n) for n in sys.argv[3:]}))
