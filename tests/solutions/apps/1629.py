def exchange_sort(sequence):
    target = sorted(sequence)
    moves = {}
    for here, there in zip(sequence, target, strict=False):
        if here != there:
            moves[here, there] = moves.get((here, there), 0) + 1
    total = sum(moves.values())
    pairs = sum(
        min(moves.get((a, b), 0), moves.get((b, a), 0)) for a, b in ((7, 8), (7, 9), (8, 9))
    )
    return pairs + (total - 2 * pairs) * 2 // 3
