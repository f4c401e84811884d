from math import isqrt


def count_divisors(n):
    root = isqrt(n)
    return 2 * sum(n // divisor for divisor in range(1, root + 1)) - root * root
