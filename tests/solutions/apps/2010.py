def main():
    n = int(input())
    heights = list(map(int, input().split()))
    left, right = [0] * (n + 1), [0] * (n + 1)
    for i in range(n):
        left[i] = min(left[i - 1] + 1 if i else 1, heights[i])
    for i in range(n - 1, -1, -1):
        right[i] = min(right[i + 1] + 1, heights[i])
    print(max(min(left[i], right[i]) for i in range(n)))


main()
