import sys


def main():
    numbers = iter(map(int, sys.stdin.buffer.read().split()))
    n = next(numbers)
    money = [next(numbers) for _ in range(n)]
    receipt = [-1] * n
    payouts = []
    for event in range(next(numbers)):
        if next(numbers) == 1:
            person = next(numbers) - 1
            money[person] = next(numbers)
            receipt[person] = event
            payouts.append(0)
        else:
            payouts.append(next(numbers))
    largest = [*payouts, 0]
    for event in range(len(payouts) - 1, -1, -1):
        largest[event] = max(largest[event], largest[event + 1])
    print(*(max(money[i], largest[receipt[i] + 1]) for i in range(n)))


main()
