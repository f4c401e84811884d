def vector_affinity(a, b):
    if not a and not b:
        return 1.0
    same = sum(left == right for left, right in zip(a, b, strict=False))
    return same / max(len(a), len(b))
