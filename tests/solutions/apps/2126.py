from math import gcd


def main():
    input()
    values = list(map(int, input().split()))
    after = 0
    answer = 0
    for value in reversed(values):
        if after:
            answer = gcd(answer, value * after // gcd(value, after))
        after = gcd(after, value)
    print(answer)


main()
