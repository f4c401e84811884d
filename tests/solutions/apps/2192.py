from bisect import bisect_left


def main():
    beacons = sorted(tuple(map(int, input().split())) for _ in range(int(input())))
    places = [place for place, _ in beacons]
    kept = []  # beacons left standing among the first i + 1 when the last of them fires first
    for index, (place, power) in enumerate(beacons):
        left = bisect_left(places, place - power, 0, index)
        kept.append(1 + (kept[left - 1] if left else 0))
    print(len(beacons) - max(kept))


main()
