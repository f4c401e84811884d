from math import comb


def almost_everywhere_zero(n, k):
    digits = [int(digit) for digit in str(n)]
    count, left = 0, k  # numbers below n; non-zero digits still to place
    for position, digit in enumerate(digits):
        rest = len(digits) - position - 1
        if digit == 0:
            continue
        if left <= rest:
            count += comb(rest, left) * 9**left
        left -= 1
        if left < 0:
            return count
        if left <= rest:
            count += (digit - 1) * comb(rest, left) * 9**left
    return count + (left == 0)
