def main():
    n = int(input())
    a, b = input().strip(), input().strip()
    cost = index = 0
    while index < n:
        if a[index] != b[index]:
            cost += 1
            if index + 1 < n and a[index + 1] == b[index] and b[index + 1] == a[index]:
                index += 1
        index += 1
    print(cost)


main()
