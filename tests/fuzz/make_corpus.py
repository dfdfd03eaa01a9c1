"""Write the kept inputs of the fuzzers: small ones, each nasty in a way of its own. The same files every time.

Files called found-* are not made here: a fuzzer has found them, and they stay.
"""

from __future__ import annotations

from pathlib import Path

CORPUS = Path(__file__).resolve().parent / "corpus"
SIDES = b"\n%%%%\n"
ADA = b"id: 01J0000000000000000000000A\nname: Ada\n"
CALL = b'{"id": "01J0000000000000000000000B", "at": "2026-01-02T10:00:00+01:00", "type": "call", "text": "hi"}\n'

YAML = {
    "plain": ADA + b"emails:\n  - ada@example.com\naddress:\n  city: Rome\nnotes: |\n  one\n\n  two\n",
    "empty": b"",
    "only-comment": b"# nothing\n",
    "bom-crlf": b"\xef\xbb\xbfname: Ada\r\nnotes: x\r\n",
    "no-end": b"name: Ada",
    "deep-flow": b"name: " + b"[" * 3_000,
    "deep-braces": b"{a: " * 2_000,
    "deep-dashes": b"name:\n  " + b"- " * 2_000 + b"x\n",
    "alias-bomb": b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
    "merge-key": b"base: &b {x: 1}\n<<: *b\n",
    "duplicate": b"name: a\nname: b\n",
    "duplicate-quoted": b'name: a\n"na\\u006de": b\n',
    "tags": b"name: !!python/object/apply:os.system [x]\nb: !!binary aGk=\nc: !local x\n",
    "second-document": b"name: a\n---\nname: b\n",
    "markers": b"<<<<<<< HEAD\nname: a\n=======\nname: b\n>>>>>>> theirs\n",
    "tabs": b"name: a\naddress:\n\tcity: Rome\n",
    "nul": b"name: a\0b\n",
    "escape": b'name: "a\\e]0;owned\\a\\u202e\\x85\\u2028"\n',
    "surrogate": b'name: "\\ud800"\n',
    "bad-escape": b'name: "\\q"\n',
    "complex-key": b"? [a, b]\n: c\n",
    "long-key": b"k" * 2_000 + b": v\n",
    "types": b"a: NO\nb: 012\nc: 1e3\nd: 2026-01-02\ne: ~\nf: .inf\ng: 0x1f\nh: 12:30:45\ni: null\n",
    "block-scalars": b"a: |2-\n   x\n  y\nb: >+\n  x\n\n\nc: |\n\n  x\n",
    "quotes": b"a: 'it''s'\nb: \"x\n  y\"\nc: ' '\n",
    "latin": b"name: Bj\xf6rn\n",
    "utf16": "name: Ada\n".encode("utf-16"),
    "directive": b"%YAML 1.1\n%TAG ! x\n---\nname: a\n",
    "many-keys": b"".join(b"k%d: v\n" % number for number in range(3_000)),
    "percent": b"name: %\nb: @x\nc: `x\n",
}
JSON = {
    "plain": CALL * 3,
    "empty": b"\n\n \n",
    "half": CALL + b'{"id": "x", "te',
    "deep": b'{"a": ' * 500 + b"1" + b"}" * 500,
    "deep-list": b'{"a": ' + b"[" * 3_000,
    "duplicate": b'{"a": 1, "a": 2}\n',
    "duplicate-escaped": b'{"a": 1, "\\u0061": 2}\n',
    "numbers": b'{"a": 1e999, "b": -0, "c": 0.10, "d": NaN}\n{"a": Infinity}\n',
    "digits": b'{"a": ' + b"9" * 5_000 + b"}\n",
    "surrogates": b'{"a": "\\ud800"}\n{"a": "\\ud83d\\ude00"}\n{"\\udc00": 1}\n',
    "not-object": b'[1]\n"x"\n1\nnull\n',
    "markers": b"<<<<<<< HEAD\n" + CALL + b"=======\n" + CALL + b">>>>>>> theirs\n",
    "constants": b'{"a": true, "b": false, "c": null, "d": [true, [null]]}\n',
    "controls": b'{"a": "\x00"}\n{"a": "\\u0000\\u001b"}\n',
    "separators": '{"a": "\u2028\u2029\x85"}\n'.encode(),
    "bom": b"\xef\xbb\xbf" + CALL,
    "crlf": CALL.replace(b"\n", b"\r\n"),
    "latin": b'{"a": "Bj\xf6rn"}\n',
    "two-on-a-line": b'{"a": 1} {"b": 2}\n',
}
CSV = {
    "plain": b"name,email\nAda,ada@example.com\n",
    "semicolon": b"name;email\nAda;ada@example.com\n",
    "empty": b"",
    "blank": b"\n\n\n",
    "header-only": b"name,email\n",
    "ragged": b"a,b,c\n1\n1,2,3,4\n,,\n",
    "open-quote": b'a,b\n"1,2\n3,4\n',
    "bad-quote": b'a,b\n"1"x,2\n',
    "quoted-lines": b'a,b\n"1\n2\r\n3",x\n',
    "utf16": "a,b\nä,ö\n".encode("utf-16"),
    "utf16-half": "a,b\nä".encode("utf-16")[:-1],
    "latin": b"a,b\nBj\xf6rn,x\n",
    "nul": b"a,b\n1\0,2\n",
    "formula": b"a,b\n=1+1,@x\n'+41,-1\n",
    "carriage": b"a,b\r1,2\r",
    "same-names": b"a,a,\n1,2,3\n",
    "wide": b",".join(b"c%d" % number for number in range(3_000)) + b"\n",
    "zip": b"PK\x03\x04rest",
    "sep-line": b"sep=;\na;b\n1;2\n",
    "bidi": "a,b\n\u202ex,\u200b\n".encode(),
}
QUERY = {
    "plain": b"name~ada amount>=100 (stage:won or tag:vip) not city=Rome",
    "empty": b" ",
    "parentheses": b"(" * 500,
    "closed": b")" * 20,
    "nots": b"not " * 1_000 + b"a=1",
    "quotes": b'name="a \\" b" notes~\'x',
    "ranges": b"amount=1..2 due:..today at:2026-W01..2026-Q4",
    "lists": b'tag=a,b,"c d",,',
    "operators": b"a=b=c <>= !~ :: a:>1",
    "sql": b"name='x'; DROP TABLE customers; --",
    "unicode": "näme=ö \u202e\u0130 ﬀ".encode(),
    "words": b"ada lovelace OR AND NOT",
    "dots": b"customer.address.city=x interactions.at>2026 a.b.c.d.e=1 .=1",
    "star": b"name=* name=a* *=1 email=*@example.com",
    "surrogate": b"\xff=\xfe",
    "long": b"a" * 4_000,
    "or-chain": b" or ".join(b"a=%d" % number for number in range(400)),
    "numbers": b"amount>1e5 amount>" + b"9" * 60,
}
DATE = {
    str(number): text.encode()
    for number, text in enumerate(
        (
            *("today", "tomorrow", "fri", "next week", "last month", "in 3 days", "3 days ago", "eom", "2026-02-29"),
            *(
                "2026-13-01",
                "0000-00-00",
                "9999-12-31",
                "10000-01-01",
                "2026-W53",
                "2026-W54-8",
                "2026-Q5",
                "31.4.2026",
            ),
            *("2026-03-29T02:30", "2026-10-25T02:30:00+01:00", "2026-01-02T24:00", "12:60", "noon", "9am", "25 pm"),
            *("in 99999999999 days", "-1 weeks", "1.2.", "1/2/26", "2026-01-02..2026-01-01", "..", "", " ", "now"),
            *("٢٠٢٦-٠١-٠٢", "２０２６-01-02", "2026‑01‑02", "\u202etoday", "T", "2026-01-02T10:00:00.123456789Z"),
            *("2026-01-02T10:00:00+99:99", "2026-01-02T10:00:00-00:00", "0001-01-01T00:00:00+14:00", "x" * 3_000),
            *("9999-12-31T23:59:59-12:00", "in 9999 years", "9999 years ago", "next next next", "1 1 1 1", "0 days"),
        )
    )
}
TEMPLATE = {
    "plain": b"---\nsubject: Hello {{ customer.name }}\nfallback:\n  customer.first_name: there\n---\nDear\n",
    "none": b"Dear {{ customer.name }}\n",
    "open": b"---\nsubject: x\n",
    "empty": b"---\n---\n",
    "crlf": b"---\r\nsubject: x\r\n---\r\nDear\r\n",
    "list": b"---\n- a\n---\nx\n",
    "nested": b"---\nfallback: {customer: {a: {b: {c: x}}}}\n---\n",
    "bad-fallback": b"---\nfallback: x\nsubject: [a]\nchannel: pigeon\nother: 1\n---\n",
    "controls": b"---\nsubject: x\n---\n\x1b[31m\x00\n",
    "fences": b"---\n--- \n---\n---\n",
    "bom": b"\xef\xbb\xbf---\nsubject: x\n---\ny\n",
    "deep": b"---\nfallback: " + b"{a: " * 1_000 + b"\n---\n",
    "header": b'---\nsubject: "a\\nBcc: x@example.com"\n---\n',
    "not-dotted": b"---\nfallback:\n  a..b: x\n  ? [x]\n  : y\n---\n",
    "separators": "---\u2028subject: x\n---\n".encode(),
}
REPORT = {
    "plain": b"-- title: Won deals\n-- columns:\n--   deal text\n--   amount money\nSELECT 1\n",
    "empty": b"",
    "only-comments": b"-- a\n--\n-- : :\n",
    "no-title": b"SELECT 1\n",
    "twice": b"-- title: a\n-- title: b\nSELECT 1",
    "writes": b"-- title: a\nDELETE FROM customers; ATTACH 'x' AS y\n",
    "params": b"-- title: a\n-- param since date today\n-- param\nSELECT :since, :other\n",
    "nul": b"-- title: a\0\nSELECT '\0'\n",
}
MERGE = {
    "both-change": SIDES.join((ADA, ADA + b"notes: a\n", ADA + b"role: b\n")),
    "same-field": SIDES.join((ADA + b"notes: o\n", ADA + b"notes: a\n", ADA + b"notes: b\n")),
    "sets": SIDES.join((ADA + b"tags: [a]\n", ADA + b"tags: [a, b]\n", ADA + b"tags: [c]\n")),
    "texts": SIDES.join(
        (ADA + b"notes: |\n  a\n  b\n", ADA + b"notes: |\n  a\n  b\n  c\n", ADA + b"notes: |\n  x\n  a\n  b\n")
    ),
    "other-id": SIDES.join((ADA, ADA.replace(b"0A", b"0B"), ADA + b"notes: x\n")),
    "markers": SIDES.join((ADA, b"<<<<<<< a\nname: x\n=======\nname: y\n>>>>>>> b\n", ADA + b"notes: x\n")),
    "marker-values": SIDES.join((ADA, ADA + b"notes: '======='\n", ADA + b"notes: '>>>>>>> x'\n")),
    "comments": SIDES.join((ADA, b"# ours\n" + ADA + b"role: a # x\n", ADA + b"# theirs\nnotes: b\n")),
    "empty-sides": SIDES.join((b"", b"", ADA)),
    "not-utf8": SIDES.join((ADA, b"name: \xff\n", ADA + b"notes: x\n")),
    "lines": SIDES.join((CALL, CALL + CALL.replace(b"0B", b"0C"), CALL.replace(b"hi", b"ho"))),
    "line-removed": SIDES.join((CALL + CALL.replace(b"0B", b"0C"), CALL, CALL.replace(b"hi", b"ho") + CALL)),
    "line-without-id": SIDES.join((b'{"text": "a"}\n', b'{"text": "b"}\n', b'{"text": "c"}\n')),
    "half-line": SIDES.join((CALL, CALL + b'{"id": "x"', CALL + b'{"id": "y"}\n')),
    "consent": SIDES.join(
        (
            ADA + b"consent:\n  newsletter:\n    status: granted\n    at: 2026-01-01\n",
            ADA + b"consent:\n  newsletter:\n    status: withdrawn\n    at: 2026-01-02\n",
            ADA + b"consent:\n  newsletter:\n    status: granted\n    at: 2026-01-03\n",
        )
    ),
    "wrong-types": SIDES.join((ADA + b"tags: a\n", ADA + b"tags: {a: b}\n", ADA + b"tags: [[a], {b: c}]\n")),
    "key-order": SIDES.join((b"a: 1\nb: 2\n", b"b: 2\na: 3\n", b"b: 4\na: 1\n")),
    "settings": SIDES.join((b"name: T\ncurrency: EUR\n", b"name: T\ncurrency: CHF\n", b"name: U\ncurrency: EUR\n")),
    "crlf": SIDES.join((ADA, ADA.replace(b"\n", b"\r\n") + b"notes: x\r\n", ADA + b"role: y\n")),
    "no-end": SIDES.join((ADA, ADA + b"notes: x", ADA + b"role: y")),
    "flow": SIDES.join((b"{id: x, name: a}\n", b"{id: x, name: b}\n", b"{id: x, name: a, notes: c}\n")),
}
ALL = {
    "yaml": YAML,
    "json": JSON,
    "csv": CSV,
    "query": QUERY,
    "date": DATE,
    "template": TEMPLATE,
    "report": REPORT,
    "merge": MERGE,
}


def main() -> None:
    """Write them all."""
    for reader, inputs in ALL.items():
        folder = CORPUS / reader
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            if not old.name.startswith("found-"):
                old.unlink()
        for name, data in inputs.items():
            (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
