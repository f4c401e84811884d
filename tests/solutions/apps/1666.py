from functools import reduce
from math import gcd


def solution(a):
    return len(a) * reduce(gcd, a)
