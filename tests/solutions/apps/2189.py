for _ in range(int(input())):
    input()
    piles = list(map(int, input().split()))
    total, largest = sum(piles), max(piles)
    print("T" if largest > total - largest or total % 2 else "HL")
