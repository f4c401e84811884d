import sys


def main():
    numbers = list(map(int, sys.stdin.buffer.read().split()))
    n = numbers[0]
    lava = [[0] * (n + 2) for _ in range(2)]
    barriers = 0
    for row, column in zip(numbers[2::2], numbers[3::2], strict=False):
        row -= 1
        change = -1 if lava[row][column] else 1
        lava[row][column] ^= 1
        barriers += change * sum(lava[1 - row][column - 1 : column + 2])
        print("No" if barriers else "Yes")


main()
