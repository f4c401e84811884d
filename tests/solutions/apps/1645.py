from math import isqrt


def is_square(n):
    return isqrt(n) ** 2 == n


def sum_of_squares(n):
    if is_square(n):
        return 1
    if any(is_square(n - i * i) for i in range(1, isqrt(n) + 1)):
        return 2
    while n % 4 == 0:
        n //= 4
    return 4 if n % 8 == 7 else 3
