import sys


def main():
    numbers = list(map(int, sys.stdin.buffer.read().split()))
    n, k = numbers[:2]
    neighbours = [[] for _ in range(n + 1)]
    for u, v in zip(numbers[2::2], numbers[3::2], strict=False):
        neighbours[u].append(v)
        neighbours[v].append(u)
    parent, depth, order = [0] * (n + 1), [0] * (n + 1), [1]
    for city in order:
        for near in neighbours[city]:
            if near != parent[city]:
                parent[near], depth[near] = city, depth[city] + 1
                order.append(near)
    size = [1] * (n + 1)
    for city in reversed(order):
        size[parent[city]] += size[city]
    gains = sorted((depth[city] - size[city] + 1 for city in order), reverse=True)
    print(sum(gains[:k]))


main()
