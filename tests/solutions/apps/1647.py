def next_bigger(n):
    digits = list(str(n))
    for i in range(len(digits) - 2, -1, -1):
        if digits[i] < digits[i + 1]:
            j = max(j for j in range(i + 1, len(digits)) if digits[j] > digits[i])
            digits[i], digits[j] = digits[j], digits[i]
            return int("".join(digits[: i + 1] + digits[:i:-1]))
    return -1
