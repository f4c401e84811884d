def mix(s1, s2):
    groups = []
    for letter in "abcdefghijklmnopqrstuvwxyz":
        first, second = s1.count(letter), s2.count(letter)
        most = max(first, second)
        if most > 1:
            prefix = "=" if first == second else "1" if first > second else "2"
            groups.append(f"{prefix}:{letter * most}")
    return "/".join(sorted(groups, key=lambda group: (-len(group), group)))
