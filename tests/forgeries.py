# ruff: noqa: E501 - a program reads better on one line
"""Programs that try to be judged right without being right.

Each comes with a test that it forges: run the way the published judges do it (program and test in
one process, passed where the exit code is 0) it is forged, or `power` says why not. `{secret}` is
the expected value, which no program can know.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Forgery:
    """A program, and the assertion it forges."""

    name: str
    program: str
    test: str = "assert f(1) == {secret}"
    power: str = ""

    def __str__(self) -> str:
        return self.name


SECRET = 7_340_127


def aimed(text: str) -> str:
    """A program or test with the value that no program can know."""
    return text.replace("{secret}", str(SECRET))


_OWN = "aimed at this executor"
_CHANNEL = """
import json, os
def send(message):
    payload = json.dumps(message).encode()
    os.write(4, len(payload).to_bytes(4, "little") + payload)
"""
_PEER = """
import gc
from sandbox.candidate import CandidatePeer
peer = next(o for o in gc.get_objects() if isinstance(o, CandidatePeer))
"""
#: What `type` is to make a class of whose instances are equal to everything, and so on.
_X = "'X', (), {'__eq__': repr, '__call__': str, '__contains__': str, '__gt__': str}"
_RESULT = '{"kind": "passed", "message": "", "line": None, "actual": "", "rule": "", "seconds": 0}'

FORGERIES = (
    Forgery("58 sys.exit(0)", "import sys\ndef f(x): sys.exit(0)"),
    Forgery("59 SystemExit at import", "raise SystemExit(0)"),
    Forgery("60 os._exit(0)", "import os\ndef f(x): os._exit(0)"),
    Forgery("60 os._exit(0) at import", "import os\nos._exit(0)"),
    Forgery(
        "61 AlwaysEqual",
        "class E:\n    def __eq__(self, other): return True\ndef f(x): return E()",
    ),
    Forgery(
        "61 NeverDifferent",
        "class E:\n    def __ne__(self, other): return False\ndef f(x): return E()",
        test="assert not f(1) != {secret}",
    ),
    Forgery(
        "61 AlwaysGreater",
        "class E:\n    def __ge__(self, other): return True\n    __gt__ = __ge__\ndef f(x): return E()",
        test="assert f(1) > {secret}",
    ),
    Forgery(
        "61 AlwaysNear",
        "class E:\n    def __sub__(self, other): return 0.0\n    __rsub__ = __sub__\ndef f(x): return E()",
        test="assert abs(f(1) - {secret}) < 1e-6",
    ),
    Forgery(
        "61 Contains all",
        "class E:\n    def __contains__(self, other): return True\ndef f(x): return E()",
        test="assert {secret} in f(1)",
    ),
    Forgery(
        "61 equal inside a list",
        "class E:\n    def __eq__(self, other): return True\ndef f(x): return [E()]",
        test="assert f(1) == [{secret}]",
    ),
    Forgery(
        "61 reflected equality",
        "class E:\n    def __eq__(self, other): return True\ndef f(x): return E()",
        test="assert {secret} == f(1)",
    ),
    Forgery(
        "62 int subclass",
        "class I(int):\n    def __eq__(self, other): return True\n    __hash__ = int.__hash__\n"
        "def f(x): return I()",
    ),
    Forgery(
        "62 str subclass",
        "class S(str):\n    def __eq__(self, other): return True\n    __hash__ = str.__hash__\n"
        "def f(x): return S()",
        test="assert f(1) == '{secret}'",
    ),
    Forgery(
        "62 list subclass",
        "class L(list):\n    def __eq__(self, other): return True\ndef f(x): return L()",
        test="assert f(1) == [{secret}]",
    ),
    Forgery(
        "62 dict subclass",
        "class D(dict):\n    def __eq__(self, other): return True\ndef f(x): return D()",
        test="assert f(1) == {'a': {secret}}",
    ),
    Forgery(
        "62 float subclass",
        "class F(float):\n    def __sub__(self, other): return 0.0\ndef f(x): return F()",
        test="assert abs(f(1) - {secret}) < 1e-6",
    ),
    Forgery(
        "63 hostile __repr__",
        "import os\nclass R:\n    def __repr__(self): os._exit(0)\ndef f(x): return R()",
        test="assert f(1) == {secret}, f'{f(1)!r}'",
    ),
    Forgery(
        "63 hostile __str__ of an exception",
        "import os\nclass R(Exception):\n    def __str__(self): os._exit(0)\ndef f(x): raise R",
        test="f(1)\nassert False",
    ),
    Forgery(
        "64 frame walk",
        "import sys\ndef f(x): return sys._getframe(1).f_globals['expected']",
        test="expected = {secret}\nassert f(1) == expected",
    ),
    Forgery(
        "64 frame walk to the code's constants",
        "import sys\ndef f(x):\n    return max(c for c in sys._getframe(1).f_code.co_consts"
        " if isinstance(c, int))",
    ),
    Forgery(
        "65 rewriting check through gc",
        "import gc, types\ndef f(x):\n    for o in gc.get_objects():\n"
        "        if isinstance(o, types.FunctionType) and o.__name__ == 'check':\n"
        "            o.__code__ = (lambda g: None).__code__\n",
        test="def check(g):\n    assert g(1) == {secret}\nf(0)\ncheck(f)",
    ),
    Forgery(
        "66 an extra reply",
        _CHANNEL + "def f(x):\n    send({'id': 0, 'v': True, 'o': []})\n    return 0",
        power=_OWN,
    ),
    Forgery("66 a reply in advance", _CHANNEL + "send({'id': 0, 'v': None, 'o': []})", power=_OWN),
    Forgery(
        "66 a verdict on the report",
        f"import json, os\nresult = json.dumps({_RESULT})\n"
        "for fd in (1, 3, 4):\n    try: os.write(fd, result.encode() + b'\\n')\n    except OSError: pass\n"
        "def f(x): os._exit(0)",
        power=_OWN,
    ),
    Forgery(
        "67 nested-literal bomb",
        "def f(x):\n    value = ()\n    for _ in range(10**5): value = (value,)\n    return value",
        power="aimed at judges that parse literals",
    ),
    Forgery(
        "67 deeply nested reply",
        _CHANNEL + "def f(x):\n    payload = b'[' * 10**6\n"
        "    os.write(4, len(payload).to_bytes(4, 'little') + payload)\n    os._exit(0)",
        power=_OWN,
    ),
    Forgery(
        "68 unary bomb",
        "class R:\n    def __repr__(self): return '-' * 10**6 + '1'\ndef f(x): return R()",
        power="aimed at judges that parse literals",
    ),
    Forgery("69 huge int", "def f(x): return 1 << (1 << 24)", power="no forgery, but work"),
    Forgery("70 oversize reply", "def f(x): return 'x' * (1 << 26)", power="no forgery, but work"),
    Forgery(
        "70 oversize length",
        "import os\ndef f(x):\n    os.write(4, b'\\xff' * 4)\n    os._exit(0)",
        power=_OWN,
    ),
    Forgery(
        "71 closing the channel",
        "import os\ndef f(x):\n    os.closerange(3, 256)\n    return 1",
        power=_OWN,
    ),
    Forgery("72 hanging in the call", "def f(x):\n    while True: pass", power="no forgery"),
    Forgery("73 printing passed", "print('passed')\ndef f(x): print('passed')", power="no forgery"),
    Forgery("74 atexit", "import atexit, os\natexit.register(os._exit, 0)\ndef f(x): pass"),
    Forgery(
        "75 patching builtins",
        "import builtins\nbuiltins.abs = lambda x: 0\ndef f(x): return 0",
        test="assert abs(f(1) - {secret}) < 1e-6",
    ),
    Forgery(
        "75 patching math",
        "import math\nmath.isclose = lambda a, b: True\ndef f(x): return 0",
        test="import math\nassert math.isclose(f(1), {secret})",
    ),
    Forgery(
        "75 patching unittest",
        "import unittest\nunittest.TestCase.assertEqual = lambda *a: None\ndef f(x): return 0",
        test="import unittest\nunittest.TestCase().assertEqual(f(1), {secret})",
    ),
    Forgery(
        "75 shadowing a builtin in the tests' namespace",
        "def abs(x): return 0\ndef f(x): return 0",
        test="assert abs(f(1) - {secret}) < 1e-6",
    ),
    Forgery(
        "76 settrace",
        "import os, sys\ndef trace(frame, event, argument):\n"
        "    if event == 'exception': os._exit(0)\n    return trace\n"
        "def f(x):\n    sys.settrace(trace)\n    sys._getframe(1).f_trace = trace",
    ),
    Forgery(
        "77 catching AssertionError",
        "import os, sys\nsys.excepthook = lambda *a: os._exit(0)\ndef f(x): pass",
    ),
    Forgery(
        "77 AssertionError replaced",
        "import builtins, sys\nclass Quiet(SystemExit): code = 0\n"
        "def f(x): raise Quiet(0)",
    ),
    Forgery(
        "78 overwriting the expected value",
        "import sys\ndef f(x):\n    sys._getframe(1).f_globals['expected'] = 0\n    return 0",
        test="expected = {secret}\nresult = f(1)\nassert result == expected",
    ),
    # By readers of this executor's source.
    Forgery("skipping the test with Unsupported", "from sandbox.codec import Unsupported\n"
        "def f(x): raise Unsupported", power=_OWN),
    Forgery("raising Gone", "from sandbox.peer import Gone\ndef f(x): raise Gone", power=_OWN),
    Forgery("asking the tester to evaluate", "from sandbox.candidate import CandidatePeer\n"
        "import gc\npeer = next(o for o in gc.get_objects() if isinstance(o, CandidatePeer))\n"
        "def f(x): return peer.request('get', x, '__globals__')",
        test="assert f(lambda: {secret}) == {secret}", power=_OWN),
    Forgery("reading the callback's constants", "def f(g): return g.__code__.co_consts[1]",
        test="def g(): return {secret}\nassert f(g) == {secret} + 0 and False or f(g) == g()",
        ),
    Forgery("a handle to the tester's function as the answer", "def f(g): return g",
        test="assert f(len) == {secret}", power="no forgery"),
    Forgery("a reply that names the tester's builtins", _CHANNEL +
        "def f(x):\n    import sandbox.peer as p\n    p.Peer._send = lambda self, m: send({**m, 'v': ['builtin', 'eval']})\n",
        test="assert f(1)('{secret}') == {secret}", power=_OWN),
    Forgery("a reply that is a module", _CHANNEL +
        "def f(x):\n    import sandbox.peer as p\n    p.Peer._send = lambda self, m: send({**m, 'v': ['module', 'os']})\n",
        test="f(1)._exit(0)", power=_OWN),
    Forgery("mutating what the test holds", _CHANNEL +
        "def f(x):\n    import sandbox.peer as p\n"
        "    p.Peer._send = lambda self, m: send({**m, 'v': 0, 'o': [[5, 'list', None, [0]]]})\n",
        test="expected = [{secret}]\nassert f(1) == expected", power=_OWN),
    Forgery("a heap entry of another type", _CHANNEL +
        "def f(x):\n    import sandbox.peer as p\n"
        "    p.Peer._send = lambda self, m: send({**m, 'v': 0, 'o': [[0, 'set', None, 7]]})\n",
        test="assert f([1]) == {secret}", power=_OWN),
    Forgery("a namedtuple with code in its name", _CHANNEL +
        "def f(x):\n    import sandbox.peer as p\n"
        "    p.Peer._send = lambda self, m: send({**m, 'v': ['namedtuple', 'a(__import__)', ['b'], 1]})\n",
        power=_OWN),
    Forgery("numpy's tolist", "class ndarray:\n    __module__ = 'numpy'\n"
        "    def tolist(self): return self\ndef f(x): return ndarray()", power=_OWN),
    Forgery("claiming to be a proxy", "class P:\n    handle_of_other_side = property(lambda s: 0)\n"
        "def f(x): return P()", power=_OWN),
    Forgery("endless callbacks", "def f(g):\n    while True: g()",
        test="f(lambda: None)\nassert False", power="no forgery"),
    Forgery("recursion through callbacks", "def f(g): return g()",
        test="def g(): return f(g)\nassert f(g) == {secret}", power="no forgery"),
    Forgery("endless generator", "def f(x):\n    while True: yield 1",
        test="assert list(f(1)) == {secret}", power="no forgery"),
    Forgery("threads that write to the channel", _CHANNEL + "import threading\n"
        "def flood():\n    while True: send({'id': 0, 'v': True})\n"
        "def f(x):\n    threading.Thread(target=flood, daemon=True).start()\n    return 0", power=_OWN),
    Forgery("truthy object", "class T:\n    def __eq__(self, o): return self\n"
        "    def __bool__(self): return True\ndef f(x): return T()"),
    Forgery("hash collision", "class H:\n    def __hash__(self): return hash({secret})\n"
        "    def __eq__(self, o): return True\ndef f(x): return H()",
        test="assert f(1) in {{secret}}", power="no program knows the secret"),
    # Objects made in the tester's process, by whatever there can be asked to make them.
    Forgery("a class of the candidate's, made by the tester", _PEER +
        f"def f(x): return peer.request('call', type, ({_X}), {{}})()", power=_OWN),
    Forgery("an object of the tester's that cannot cross", _PEER +
        "def f(x): return peer.request('call', object, (), {})", power=_OWN),
    Forgery("an exception made by the tester", _PEER +
        "class E(Exception): pass\ndef f(x): return peer.request('call', E, (1,), {})", power=_OWN),
    Forgery("the tester steps the candidate's iterator", _PEER +
        f"def f(x): return peer.request('next', (type({_X})() for _ in 'x'))", power=_OWN),
    Forgery("the tester calls itself", _PEER +
        "def f(x): return peer.request('call', f, (x,), {})", power=_OWN),
    Forgery("a test's function that calls", f"def f(g): return g(type, {_X})()",
        test="assert f(lambda g, *a: g(*a)) == {secret}"),
    Forgery("a test's function that calls, on an iterator", f"def f(g): return next(iter(g(type, [({_X})])))()",
        test="assert f(lambda g, a: (g(*b) for b in a)) == {secret}"),
    Forgery("a test's class of classes", f"def f(g): return g({_X})()",
        test="class Meta(type): pass\nassert f(Meta) == {secret}"),
    Forgery("a test's function that makes classes", f"def f(g): return g({_X})()",
        test="def make(name, bases, names): return type(name, bases, names)\nassert f(make) == {secret}"),
    Forgery("a class that the test is to call", f"def f(g): return g({_X})",
        test="def make(name, bases, names): return type(name, bases, names)\nassert f(make)() == {secret}"),
    Forgery("type passed by the test", f"def f(g): return g({_X})()", test="assert f(type) == {secret}"),
    Forgery("new_class passed by the test",
        "def f(g): return g('X', (), {}, lambda names: names.update(__eq__=repr))()",
        test="import types\nassert f(types.new_class) == {secret}"),
    Forgery("partial passed by the test", f"def f(g): return g(type, {_X})()()",
        test="import functools\nassert f(functools.partial) == {secret}"),
    Forgery("starmap passed by the test", f"def f(g): return next(iter(g(type, [({_X})])))()",
        test="import itertools\nassert f(itertools.starmap) == {secret}"),
    Forgery("operator.call passed by the test", f"def f(g): return g(type, {_X})()",
        test="import operator\nassert f(operator.call) == {secret}"),
    Forgery("getattr passed by the test", f"import functools\ndef f(g): return g(functools, 'partial')(type, {_X})()()",
        test="assert f(getattr) == {secret}"),
    Forgery("getattr and a function passed by the test", "def f(*g): return g[0](g[1], '__globals__')['expected']",
        test="expected = {secret}\nassert f(getattr, lambda: 0) == expected"),
    Forgery("eval passed by the test", "def f(g): return g(\"[o['expected'] for o in __import__('gc').get_objects()"
        " if type(o) is dict and 'expected' in o or hasattr(type(o), '__missing__') and 'expected' in o][0]\")",
        test="expected = {secret}\nassert f(eval) == expected"),
    Forgery("the class of functions passed by the test", "def f(g): return g((lambda: 0).__code__, {})",
        test="assert f((lambda: 0).__class__) == {secret}", power="no forgery"),
    Forgery("a namedtuple with an equality", _CHANNEL +
        "def f(x):\n    import sandbox.peer as p\n    p.Peer._send = lambda self, m: "
        "send({**m, 'v': ['namedtuple', 'X', ['__eq__'], ['builtin', 'repr']]})\n", power=_OWN),
    Forgery("a builtin of the tester's own naming", _CHANNEL +
        "def f(x):\n    import sandbox.peer as p\n    p.Peer._send = lambda self, m: "
        "send({**m, 'v': ['yours', 'builtins', 'eval']})\n", test="assert f(1)('{secret}') == {secret}", power=_OWN),
    *(Forgery(f"{name} in place of a class", f"Node = {name}\ndef f(x): return 0",
        test="assert f(Node(1)) == {secret}" if name == "slice" else "assert f(Node()) == {secret}",
        power="no forgery, but a way to be excused") for name in ("object", "slice")),
    *(Forgery(f"{name} in place of a class", f"Node = {name}\ndef f(x): return 0",
        test=f"assert f({use}) == {{secret}}", power="no forgery, but a way to be excused")
        for name, use in (("ValueError", "Node(1)"), ("dict", "Node().keys()"))),
    Forgery("an exception in place of a class", "class Node(Exception): pass\ndef f(x): return 0",
        test="assert f(Node(1)) == {secret}", power="no forgery, but a way to be excused"),
    Forgery("a module of its own in place of Python's", "class math:\n    isclose = lambda *a, **k: True\ndef f(x): return 1.0",
        test="assert math.isclose(f(1), {secret})"),
    Forgery("a function of its own in a module", "import math\nmath.isclose = lambda *a, **k: True\ndef f(x): return 1.0",
        test="assert math.isclose(f(1), {secret})"),
    Forgery("ending the test's loop", "def f(x): raise StopIteration",
        test="assert all(map(lambda x: f(x) == {secret}, [1]))"),
)  # fmt: skip
