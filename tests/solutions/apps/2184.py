from collections import Counter


def main():
    input()
    values = input().split()
    last = {value: index for index, value in enumerate(values)}
    answer, start, end = 0, 0, -1
    for index, value in enumerate(values):
        end = max(end, last[value])
        if index == end:
            block = Counter(values[start : index + 1])
            answer += index + 1 - start - max(block.values())
            start = index + 1
    print(answer)


main()
